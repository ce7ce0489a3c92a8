import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from daemon.healthcheck import find_trouble, readiness_url


class Daemon(BaseHTTPRequestHandler):
    """Answers as a daemon would: ready at /readyz, not ready at /draining."""

    def do_GET(self) -> None:
        answers = {"/readyz": (200, "ready"), "/draining": (503, "draining:\n  stop asked for")}
        status, text = answers.get(self.path, (302, ""))
        self.send_response(status)
        self.send_header("Location", "/readyz")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Keeps quiet."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Daemon) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["", "/", "/readyz"])
def test_a_ready_daemon_has_no_trouble(address: str, path: str) -> None:
    assert find_trouble(address + path) is None


def test_a_proxy_of_the_environment_is_not_asked(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert find_trouble(address) is None


def test_a_daemon_that_is_not_ready_says_why(address: str) -> None:
    url = f"{address}/draining"
    assert find_trouble(url) == f"{url} answers 503: draining: stop asked for"


def test_a_redirect_is_not_ready(address: str) -> None:
    url = f"{address}/readyz?elsewhere"
    assert find_trouble(url) == f"{url} answers 302: "


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:9", "does not answer: "),
        ("http://127.0.0.1:99999", "does not answer: "),
        ("127.0.0.1:8080", "it is no address"),
        ("ftp://127.0.0.1", "it is no address"),
        ("http://127.0.0.1:9/a b", "does not answer: "),
    ],
)
def test_what_cannot_be_asked_is_told_in_words(url: str, reason: str) -> None:
    trouble = find_trouble(url)
    assert trouble is not None
    assert trouble.startswith(url)
    assert reason in trouble


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080/readyz"),
        ("0.0.0.0", "http://127.0.0.1:8080/readyz"),
        ("::", "http://[::1]:8080/readyz"),
        ("fd00::5", "http://[fd00::5]:8080/readyz"),
        ("pollhook.internal", "http://pollhook.internal:8080/readyz"),
    ],
)
def test_the_address_follows_what_the_daemon_listens_on(host: str, url: str) -> None:
    assert readiness_url(host, 8080) == url
