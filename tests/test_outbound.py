from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from daemon.address_guard import AddressGuard
from daemon.errors import AddressRefused, InvalidInput
from daemon.outbound import Answer, Outbound, OutboundError, OutboundFailure

CLOSED = AddressGuard()
LOOPBACK_ALLOWED = AddressGuard([IPv4Network("127.0.0.0/8")])
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
RawHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Names(AbstractResolver):
    """Look-up from a table; a name with several entries gives the next one each time."""

    def __init__(self, table: dict[str, list[list[str]]]) -> None:
        self.table = table
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host not in self.table:
            raise OSError(None, "no such name")
        answers = self.table[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in addresses
        ]

    async def close(self) -> None:
        return None


@asynccontextmanager
async def serving(handler: Handler, **site: Any) -> AsyncIterator[int]:
    server = web.Server(handler, access_log=None)
    runner = web.ServerRunner(server)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, **site).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serving_raw(handler: RawHandler) -> AsyncIterator[int]:
    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


WAY: ContextVar[str] = ContextVar("how calls are made")


@pytest.fixture(autouse=True, params=["request", "post"])
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test makes its calls in both ways."""
    token = WAY.set(request.param)
    yield
    WAY.reset(token)


async def call(outbound: Outbound, url: str, **changed: Any) -> Answer:
    options: dict[str, Any] = {
        "headers": {},
        "deadline_seconds": 5,
        "max_bytes": 1 << 20,
        "guard": False,
        **changed,
    }
    async with asyncio.timeout(8):
        if WAY.get() == "post":
            options["headers"] = {"User-Agent": "pollhook/0", **options["headers"]}
            return await outbound.post(url, **options)
        return await outbound.request("POST", url, **options)


async def failure(outbound: Outbound, url: str, **changed: Any) -> OutboundError:
    with pytest.raises(OutboundError) as raised:
        await call(outbound, url, **changed)
    return raised.value


async def echo(request: web.BaseRequest) -> web.Response:
    return web.Response(
        status=418, body=await request.read(), headers={"X-Agent": request.headers["User-Agent"]}
    )


async def test_an_answer_carries_status_body_and_headers_without_case() -> None:
    async with serving(echo) as port, Outbound(CLOSED) as outbound:
        answer = await call(outbound, f"http://127.0.0.1:{port}/", data=b"hello")
    assert (answer.status, answer.body, answer.truncated) == (418, b"hello", False)
    assert answer.headers["x-AGENT"].startswith("pollhook/")
    assert 0 < answer.duration_seconds < 5


async def test_a_user_agent_of_the_caller_replaces_ours() -> None:
    async with serving(echo) as port, Outbound(CLOSED) as outbound:
        answer = await call(
            outbound, f"http://127.0.0.1:{port}/", headers={"User-Agent": "pollhook/9"}
        )
    assert answer.headers["X-Agent"] == "pollhook/9"


async def test_a_redirect_is_answered_not_followed() -> None:
    async def moved(request: web.BaseRequest) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"})

    async with serving(moved) as port, Outbound(CLOSED) as outbound:
        assert (await call(outbound, f"http://127.0.0.1:{port}/")).status == 302


async def test_cookies_are_not_kept() -> None:
    seen: list[str | None] = []

    async def biscuits(request: web.BaseRequest) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "a=b"})

    async with serving(biscuits) as port, Outbound(CLOSED) as outbound:
        for _ in range(2):
            await call(outbound, f"http://localhost:{port}/")
    assert seen == [None, None]


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(echo) as port, Outbound(LOOPBACK_ALLOWED) as outbound:
        for guard in (False, True):
            answer = await call(outbound, f"http://127.0.0.1:{port}/", guard=guard)
            assert answer.status == 418


@pytest.mark.parametrize("cap", [1, 4, 5, 100_000])
async def test_a_body_is_cut_at_the_cap_and_said_to_be_cut(cap: int) -> None:
    async def five_or_many(request: web.BaseRequest) -> web.Response:
        return web.Response(body=b"12345" if cap < 100 else b"x" * 300_000)

    async with serving(five_or_many) as port, Outbound(CLOSED) as outbound:
        answer = await call(outbound, f"http://127.0.0.1:{port}/", max_bytes=cap)
    assert len(answer.body) == cap
    assert answer.truncated == (cap != 5)


async def test_a_body_that_unpacks_to_far_more_than_the_cap_is_cut() -> None:
    async def bomb(request: web.BaseRequest) -> web.Response:
        return web.Response(
            body=gzip.compress(bytes(30_000_000)), headers={"Content-Encoding": "gzip"}
        )

    async with serving(bomb) as port, Outbound(CLOSED) as outbound:
        answer = await call(outbound, f"http://127.0.0.1:{port}/", max_bytes=1000)
    assert (len(answer.body), answer.truncated) == (1000, True)


async def test_a_deadline_covers_headers_and_body_alike() -> None:
    release = asyncio.Event()

    async def half(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        if request.path == "/body":
            await response.prepare(request)
            await response.write(b"half")
        await release.wait()
        return response

    async with serving(half) as port, Outbound(CLOSED) as outbound:
        for path in ("body", "headers"):
            error = await failure(
                outbound, f"http://127.0.0.1:{port}/{path}", deadline_seconds=0.05
            )
            assert error.kind is OutboundFailure.TIMEOUT
        release.set()


async def test_deadlines_are_not_rounded_up_to_whole_seconds() -> None:
    """Five that were rounded up would take four seconds at least."""
    release = asyncio.Event()

    async def stall(_: web.BaseRequest) -> web.Response:
        await release.wait()
        return web.Response()

    async with serving(stall) as port, Outbound(CLOSED) as outbound, asyncio.timeout(3):
        try:
            for _ in range(5):
                await failure(outbound, f"http://127.0.0.1:{port}/", deadline_seconds=0.05)
        finally:
            release.set()


async def test_a_refused_connection_is_told_with_the_host_and_without_the_path() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with Outbound(CLOSED) as outbound:
            error = await failure(outbound, f"http://127.0.0.1:{port}/hook?token=secret")
    assert error.kind is OutboundFailure.CONNECTION
    assert f"127.0.0.1:{port}" in str(error)
    assert "secret" not in str(error)
    assert "hook" not in str(error)


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def _close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    return None


async def _half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()


async def _noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.com ESMTP\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize("handler", [_reset, _close, _half, _noise])
async def test_a_broken_connection_is_a_reset(handler: RawHandler) -> None:
    async with serving_raw(handler) as port, Outbound(CLOSED) as outbound:
        error = await failure(outbound, f"http://127.0.0.1:{port}/")
    assert error.kind is OutboundFailure.RESET


async def test_a_name_that_does_not_resolve_is_a_dns_failure() -> None:
    for guard in (False, True):
        async with Outbound(CLOSED, lambda: Names({})) as outbound:
            error = await failure(outbound, "http://nowhere.example/", guard=guard)
        assert error.kind is OutboundFailure.DNS


@pytest.mark.parametrize("url", ["nothing", "http://", "http://[::1/", "ftp://127.0.0.1/"])
async def test_what_is_no_address_is_an_invalid_target(url: str) -> None:
    async with Outbound(CLOSED) as outbound:
        error = await failure(outbound, url)
    assert error.kind is OutboundFailure.INVALID_TARGET


@pytest.mark.parametrize("value", ["a\r\nHost: b", "a\nb", "a\rb", "a\0b"])
async def test_a_header_that_would_break_the_request_is_an_invalid_target(value: str) -> None:
    async with serving(echo) as port, Outbound(CLOSED) as outbound:
        for headers in ({"X-Key": value}, {value: "x"}):
            error = await failure(outbound, f"http://127.0.0.1:{port}/", headers=headers)
            assert error.kind is OutboundFailure.INVALID_TARGET


async def test_a_switch_to_another_protocol_is_an_answer() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
        )
        await writer.drain()

    async with serving_raw(handler) as port, Outbound(CLOSED) as outbound:
        assert (await call(outbound, f"http://127.0.0.1:{port}/", data=b"x")).status == 101


async def test_a_certificate_that_is_not_trusted_is_a_tls_failure(tmp_path: Path) -> None:
    context = _server_certificate(tmp_path)
    async with serving(echo, ssl_context=context) as port, Outbound(CLOSED) as outbound:
        error = await failure(outbound, f"https://localhost:{port}/")
    assert error.kind is OutboundFailure.TLS
    assert "self-signed" in str(error)


async def test_plain_http_behind_an_https_address_is_a_tls_failure() -> None:
    async with serving(echo) as port, Outbound(CLOSED) as outbound:
        error = await failure(outbound, f"https://127.0.0.1:{port}/")
    assert error.kind is OutboundFailure.TLS


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "localhost", "0x7f.1"])
async def test_a_guarded_call_never_reaches_loopback(host: str) -> None:
    reached: list[str] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        reached.append(request.path)
        return web.Response()

    async with serving(handler) as port, Outbound(CLOSED) as outbound:
        with pytest.raises(AddressRefused, match=r"security\.allowed_private_networks"):
            await call(outbound, f"http://{host}:{port}/", guard=True)
    assert reached == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_the_socket_itself_is_refused_where_an_address_gets_past_its_text(host: str) -> None:
    class BlindToText(AddressGuard):
        def check_url(self, url: str, *, field: str = "url") -> None:
            return None

    async with serving(echo) as port, Outbound(BlindToText()) as outbound:
        with pytest.raises(AddressRefused):
            await call(outbound, f"http://{host}:{port}/", guard=True)


async def test_a_guarded_call_reaches_an_allowed_network() -> None:
    async with serving(echo) as port, Outbound(LOOPBACK_ALLOWED) as outbound:
        for host in ("127.0.0.1", "localhost"):
            assert (await call(outbound, f"http://{host}:{port}/", guard=True)).status == 418


async def test_a_guarded_call_with_credentials_in_its_address_is_invalid_input() -> None:
    async with Outbound(LOOPBACK_ALLOWED) as outbound:
        with pytest.raises(InvalidInput):
            await call(outbound, "http://user:secret@127.0.0.1:9/", guard=True)


async def test_a_name_that_leads_to_a_private_address_is_refused_at_connect() -> None:
    names = Names({"crm.example": [["10.0.0.7"]]})
    async with Outbound(CLOSED, lambda: names) as outbound:
        with pytest.raises(AddressRefused, match=r"crm\.example.*10\.0\.0\.7"):
            await call(outbound, "http://crm.example/", guard=True)


async def test_the_connection_goes_to_the_vetted_address_under_the_name_asked_for() -> None:
    hosts: list[str] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        hosts.append(request.headers["Host"])
        return web.Response()

    # Of the two addresses only the second passes; the first would not even answer.
    names = Names({"crm.example": [["10.0.0.7", "127.0.0.1"]]})
    async with serving(handler) as port, Outbound(LOOPBACK_ALLOWED, lambda: names) as outbound:
        assert (await call(outbound, f"http://crm.example:{port}/", guard=True)).status == 200
    assert hosts == [f"crm.example:{port}"]


async def test_tls_is_asked_for_under_the_name_and_not_the_vetted_address(tmp_path: Path) -> None:
    asked: list[str | None] = []

    def note(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        asked.append(name)

    context = _server_certificate(tmp_path)
    context.sni_callback = note
    names = Names({"crm.example": [["127.0.0.1"]]})
    async with (
        serving(echo, ssl_context=context) as port,
        Outbound(LOOPBACK_ALLOWED, lambda: names) as outbound,
    ):
        error = await failure(outbound, f"https://crm.example:{port}/", guard=True)
    # Nobody vouches for the certificate, which is found out after the name was said.
    assert error.kind is OutboundFailure.TLS
    assert asked == ["crm.example"]


async def test_a_name_that_changes_to_a_private_address_between_calls_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("daemon.outbound.door.NAMES_KEPT_SECONDS", 0)
    names = Names({"crm.example": [["127.0.0.1"], ["10.0.0.7"]]})

    async def once(request: web.BaseRequest) -> web.Response:
        response = web.Response()
        response.force_close()
        return response

    async with serving(once) as port, Outbound(LOOPBACK_ALLOWED, lambda: names) as outbound:
        url = f"http://crm.example:{port}/"
        assert (await call(outbound, url, guard=True)).status == 200
        with pytest.raises(AddressRefused):
            await call(outbound, url, guard=True)


async def test_a_guarded_call_does_not_travel_on_a_connection_opened_without_the_guard() -> None:
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(echo))
        outbound = await stack.enter_async_context(Outbound(CLOSED))
        url = f"http://127.0.0.1:{port}/"
        assert (await call(outbound, url)).status == 418
        with pytest.raises(AddressRefused):
            await call(outbound, url, guard=True)


async def test_an_address_is_called_as_it_is_written() -> None:
    seen: list[tuple[str, str]] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        seen.append((request.headers["Host"], request.raw_path))
        return web.Response()

    names = Names({"xn--bcher-kva.example": [["127.0.0.1"]]})
    async with serving(handler) as port, Outbound(CLOSED, lambda: names) as outbound:
        await call(outbound, f"http://b\u00fccher.example:{port}/a%2Fb/\u00e9?x=1&y=a%20b#part")
        await call(outbound, f"http://127.0.0.1:{port}")
    assert seen == [
        (f"xn--bcher-kva.example:{port}", "/a%2Fb/%C3%A9?x=1&y=a%20b"),
        (f"127.0.0.1:{port}", "/"),
    ]


async def test_an_interim_answer_is_not_the_answer() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        await writer.drain()
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()

    async with serving_raw(handler) as port, Outbound(CLOSED) as outbound:
        answer = await call(outbound, f"http://127.0.0.1:{port}/", data=b"x")
    assert (answer.status, answer.body) == (202, b"ok")


async def test_a_connection_is_used_again_for_the_next_call() -> None:
    peers: set[Any] = set()

    async def handler(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response(body=b"x" * 10_000)

    async with serving(handler) as port, Outbound(CLOSED) as outbound:
        for _ in range(5):
            await call(outbound, f"http://127.0.0.1:{port}/")
    assert len(peers) == 1


def _server_certificate(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
