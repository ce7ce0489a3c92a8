from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from daemon.address_guard import AddressGuard
from daemon.connectors.connector import Grant
from daemon.connectors.oauth2 import Endpoint, OAuth2, OAuthClient, authorize_url
from daemon.errors import (
    CredentialsRefused,
    MalformedAnswer,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    RequestRefused,
)
from daemon.outbound import Outbound

NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
CLIENT = OAuthClient(
    client_id="client-1", client_secret="s3cret&more", redirect_uri="https://app.example/back?a=b"
)


class TokenServer:
    """A token endpoint that gives one prepared answer and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {}
        self.forms: list[dict[str, str]] = []
        self.content_types: list[str] = []

    async def handle(self, request: web.BaseRequest) -> web.Response:
        self.content_types.append(request.content_type)
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        assert "Authorization" not in request.headers
        given = dict(self.answer)
        if "json" in given:
            return web.json_response(given.pop("json"), **given)
        return web.Response(**given)


@pytest.fixture
async def server() -> AsyncIterator[tuple[TokenServer, Endpoint]]:
    tokens = TokenServer()
    app = web.Application()
    app.router.add_post("/oauth2/acme/token", tokens.handle)
    async with TestServer(app) as running:
        yield tokens, Endpoint(url=str(running.make_url("/oauth2/acme/token")), guarded=False)


async def refresh(endpoint: Endpoint, token: str = "old-refresh") -> Grant:
    async with Outbound(AddressGuard()) as outbound:
        return await OAuth2(outbound, lambda: NOW).refresh(endpoint, CLIENT, token)


async def exchange(endpoint: Endpoint, code: str = "grant-code") -> Grant:
    async with Outbound(AddressGuard()) as outbound:
        return await OAuth2(outbound, lambda: NOW).exchange(endpoint, CLIENT, code)


def test_the_consent_address_has_the_parameters_of_the_original_in_its_order() -> None:
    url = authorize_url(
        "https://caw.maximizercrmlive.com/OAuth2/acme/Authorize",
        "client-1",
        "https://app.example/back?a=b",
        "maximizer",
    )
    assert url == (
        "https://caw.maximizercrmlive.com/OAuth2/acme/Authorize?scope=data&response_type=code"
        "&redirect_uri=https%3A%2F%2Fapp.example%2Fback%3Fa%3Db&state=maximizer&client_id=client-1"
    )


def test_a_consent_address_that_has_a_query_keeps_it() -> None:
    assert authorize_url("https://x.example/a?tenant=1", "c", "r", "s").startswith(
        "https://x.example/a?tenant=1&scope=data&"
    )


async def test_a_code_is_exchanged_with_the_credentials_in_the_form(
    server: tuple[TokenServer, Endpoint],
) -> None:
    tokens, endpoint = server
    tokens.answer = {"json": {"access_token": "A", "refresh_token": "R", "expires_in": 600}}
    grant = await exchange(endpoint)
    assert grant == Grant(
        access_token="A",
        refresh_token="R",
        refresh_at=NOW + timedelta(seconds=480),
        expires_at=NOW + timedelta(seconds=600),
    )
    assert tokens.content_types == ["application/x-www-form-urlencoded"]
    assert tokens.forms == [
        {
            "grant_type": "authorization_code",
            "code": "grant-code",
            "client_id": "client-1",
            "client_secret": "s3cret&more",
            "redirect_uri": "https://app.example/back?a=b",
        }
    ]


async def test_a_refresh_sends_the_redirect_address_too_and_takes_the_rotated_token(
    server: tuple[TokenServer, Endpoint],
) -> None:
    tokens, endpoint = server
    tokens.answer = {"json": {"access_token": "A2", "refresh_token": "R2"}}
    assert await refresh(endpoint) == Grant(access_token="A2", refresh_token="R2")
    assert tokens.forms[0]["grant_type"] == "refresh_token"
    assert tokens.forms[0]["refresh_token"] == "old-refresh"
    assert tokens.forms[0]["redirect_uri"] == CLIENT.redirect_uri


@pytest.mark.parametrize("absent", [{}, {"refresh_token": None}, {"refresh_token": ""}])
async def test_the_old_refresh_token_is_kept_where_none_comes_back(
    server: tuple[TokenServer, Endpoint], absent: dict[str, Any]
) -> None:
    tokens, endpoint = server
    tokens.answer = {"json": {"access_token": "A2", **absent}}
    assert (await refresh(endpoint)).refresh_token == "old-refresh"


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        (600, 480),
        ("600", 480),
        (600.0, 480),
        (0, None),
        (-5, None),
        ("soon", None),
        (True, None),
        (None, None),
        ([600], None),
        (1e300, None),
    ],
)
async def test_a_token_is_renewed_after_four_fifths_of_a_life_it_names(
    server: tuple[TokenServer, Endpoint], expires_in: object, seconds: int | None
) -> None:
    tokens, endpoint = server
    tokens.answer = {"json": {"access_token": "A", "expires_in": expires_in}}
    expected = None if seconds is None else NOW + timedelta(seconds=seconds)
    assert (await refresh(endpoint)).refresh_at == expected


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": 400, "json": {"error": "invalid_grant"}}, CredentialsRefused),
        ({"status": 401, "json": {"error": "invalid_client"}}, CredentialsRefused),
        ({"status": 401, "text": "no"}, CredentialsRefused),
        ({"status": 403, "json": {"error": "access_denied"}}, CredentialsRefused),
        ({"status": 200, "json": {"error": "invalid_grant"}}, CredentialsRefused),
        ({"status": 403, "text": "blocked"}, RequestRefused),
        ({"status": 404, "text": "nothing here"}, RequestRefused),
        ({"status": 302, "headers": {"Location": "/"}}, RequestRefused),
        ({"status": 408, "text": ""}, ProviderTimeout),
        ({"status": 504, "text": ""}, ProviderTimeout),
        ({"status": 500, "json": {"error": "server_error"}}, ProviderUnavailable),
        ({"status": 400, "json": {"error": "temporarily_unavailable"}}, ProviderUnavailable),
        ({"status": 503, "text": "<html>down</html>"}, ProviderUnavailable),
        ({"status": 200, "text": "<html>login</html>"}, MalformedAnswer),
        ({"status": 200, "json": {}}, MalformedAnswer),
        ({"status": 200, "json": {"access_token": 5}}, MalformedAnswer),
        ({"status": 200, "json": ["access_token"]}, MalformedAnswer),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_refusal_is_classified_once_by_its_status(
    server: tuple[TokenServer, Endpoint], answer: dict[str, Any], kind: type[ProviderError]
) -> None:
    tokens, endpoint = server
    tokens.answer = answer
    with pytest.raises(kind) as raised:
        await refresh(endpoint)
    assert type(raised.value) is kind
    assert raised.value.status == answer["status"]


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", timedelta(seconds=7)),
        ("Tue, 24 Nov 2026 05:01:00 GMT", timedelta(minutes=1)),
        ("", None),
    ],
)
async def test_a_rate_limit_on_tokens_names_the_wait(
    server: tuple[TokenServer, Endpoint], header: str, wait: timedelta | None
) -> None:
    tokens, endpoint = server
    tokens.answer = {"status": 429, "headers": {"Retry-After": header}}
    with pytest.raises(RateLimited) as raised:
        await refresh(endpoint)
    assert raised.value.retry_after == wait


async def test_the_providers_words_are_told_without_our_secrets(
    server: tuple[TokenServer, Endpoint],
) -> None:
    tokens, endpoint = server
    tokens.answer = {
        "status": 400,
        "json": {
            "error": "invalid_grant",
            "error_description": "token old-refresh of s3cret&more is over " + "x" * 2000,
        },
    }
    with pytest.raises(CredentialsRefused) as raised:
        await refresh(endpoint)
    words = raised.value.provider_message
    assert words is not None
    assert words.startswith("invalid_grant: token ")
    assert "old-refresh" not in words
    assert "s3cret" not in words
    assert len(words) <= 500


async def test_a_provider_that_cannot_be_reached_is_unavailable() -> None:
    with pytest.raises(ProviderUnavailable):
        await refresh(Endpoint(url="http://127.0.0.1:9/token", guarded=False))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/token", "ftp://example.com/token"])
async def test_an_address_from_an_instance_passes_the_guard_first(url: str) -> None:
    with pytest.raises(RequestRefused):
        await refresh(Endpoint(url=url, guarded=True))


def test_neither_a_client_nor_a_grant_shows_its_secrets() -> None:
    assert "s3cret" not in repr(CLIENT)
    assert "A1" not in repr(Grant(access_token="A1", refresh_token="R1"))
    assert "R1" not in repr(Grant(access_token="A1", refresh_token="R1"))
