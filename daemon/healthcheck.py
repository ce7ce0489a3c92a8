"""The health check from outside: asks a running daemon whether it is ready."""

from __future__ import annotations

import http.client
from ipaddress import ip_address
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 5
LARGEST_ANSWER_BYTES = 2000


def readiness_url(host: str, port: int) -> str:
    """Where a daemon that listens on this host and port says whether it is ready."""
    try:
        address = ip_address(host)
    except ValueError:
        return f"http://{host}:{port}/readyz"
    if address.is_unspecified:  # it listens on every address; the loopback one reaches it
        address = ip_address("127.0.0.1" if address.version == 4 else "::1")
    name = f"[{address}]" if address.version == 6 else str(address)
    return f"http://{name}:{port}/readyz"


def find_trouble(url: str) -> str | None:
    """None if the daemon at `url` is ready, else in words why it is not.

    A URL without a path gets `/readyz`. No proxy is used and no redirect followed.
    """
    try:
        status, text = _ask(url)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{url} does not answer: {error}"
    return None if status == 200 else f"{url} answers {status}: {text}"


def _ask(url: str) -> tuple[int, str]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is no address as http://host:port/readyz")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
    try:
        path = parts.path if parts.path not in ("", "/") else "/readyz"
        connection.request("GET", f"{path}?{parts.query}" if parts.query else path)
        answer = connection.getresponse()
        body = answer.read(LARGEST_ANSWER_BYTES).decode("utf-8", "replace")
        return answer.status, " ".join(body.split())
    finally:
        connection.close()
