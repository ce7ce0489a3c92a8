"""What holds for every request: paths, problems, ids, and what the log does not say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from yarl import URL

from daemon.admin.context import AdminContext
from daemon.admin.routes import OPERATOR_ROUTES, PLATFORM_ROUTES
from daemon.errors import DatabaseUnavailable
from daemon.store.first_account import Credentials
from tests.admin.api import Api, body_of, platform


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


async def test_both_prefixes_answer_the_same(api: Api) -> None:
    for path in ("/elements", "/elements/5127/metadata", "/instances"):
        plain, prefixed = await api.get(path), await api.get(f"/elements/api-v2{path}")
        assert (plain.status, plain.json) == (prefixed.status, prefixed.json)
        assert plain.status == 200
    assert (await api.get("/elements/api-v2/livez")).status == 404


async def test_every_problem_is_json_with_an_id_that_is_in_the_header_too(api: Api) -> None:
    large = b'{"name": "' + b"x" * (1024 * 1024) + b'"}'
    json = {"Content-Type": "application/json"}
    for method, path, body, headers, status in (
        ("GET", "/nothing", None, {}, 404),
        ("GET", "/instances/abc", None, {}, 404),
        ("GET", "/instances/99999999999999999999", None, {}, 404),
        ("GET", "/instances/999999999999999999", None, {}, 404),
        ("GET", "/elements/unknown", None, {}, 404),
        ("DELETE", "/elements", None, {}, 405),
        ("POST", "/elements/api-v2/instances/enabled", None, {}, 405),
        ("GET", "/instances", None, {"Accept": "text/html"}, 406),
        ("GET", "/instances", None, {"Authorization": "User x, Organization y"}, 401),
        ("POST", "/instances", b"name=x", {"Content-Type": "text/plain"}, 415),
        ("POST", "/instances", b"{}", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ("POST", "/instances", large, json, 413),
        ("POST", "/instances", b"", json, 400),
        ("POST", "/instances", b"{", json, 400),
        ("POST", "/instances", b"[]", json, 400),
        ("POST", "/instances", b"[" * 100_000, json, 400),
        ("POST", "/instances", b'{"name": "\xff"}', json, 400),
        ("POST", "/instances", b'{"name": "\\ud800"}', json, 400),
        ("POST", "/instances", b'{"name": "a\\u0000"}', json, 400),
    ):
        reply = await api.call(method, path, body, headers=headers)
        assert reply.status == status, (method, path, reply.text)
        assert re.fullmatch("[0-9a-f]{24}", reply.json["requestId"])
        assert reply.headers["Elements-Request-Id"] == reply.json["requestId"]
        assert reply.json["message"]


async def test_no_character_in_an_address_is_a_fault_of_ours(api: Api) -> None:
    for path in (
        "/instances?searchText=%00",
        "/instances?searchText=%ff",
        "/instances?searchText=%ed%a0%80",
        "/instances?tags[]=%00",
        "/instances?tags[]=%ff",
        "/elements/%00",
        "/elements/%ff%ed%a0%80",
        "/elements/maximizer/oauth/url?apiKey=%00&callbackUrl=%ff&maximizer.alias=%ed%a0%80",
        "/nothing/%ff",
    ):
        reply = await api.get(URL(path, encoded=True))
        assert reply.status in (200, 400, 404), (path, reply.text)
        assert reply.json


async def test_answers_are_not_kept_and_do_not_tell_what_serves_them(api: Api) -> None:
    for path in ("/instances", "/nothing", "/livez"):
        headers = (await api.get(path)).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Server"] == "pollhook"


async def test_a_method_that_is_not_allowed_names_those_that_are(api: Api) -> None:
    reply = await api.call("POST", "/instances/1/enabled")
    assert reply.status == 405
    assert reply.headers["Allow"] == "DELETE, PUT"


async def test_a_caller_that_takes_json_in_any_way_is_answered(api: Api) -> None:
    for accept in (
        "*/*",
        "application/*;q=0.5",
        "text/html, application/json",
        "text/html,*/*;q=0.1",
        "Application/JSON; charset=utf-8",
    ):
        assert (await api.get("/elements", headers={"Accept": accept})).status == 200
    refused = await api.get("/elements", headers={"Accept": "application/json;q=0, text/html"})
    assert refused.status == 406


async def test_authorization_is_read_leniently(api: Api, credentials: Credentials) -> None:
    user, organization = credentials.user_secret, credentials.organization_secret
    for header in (
        f"User {user}, Organization {organization}",
        f"user {user},organization {organization}",
        f"  USER   {user} ,  ORGANIZATION\t{organization}  ",
        f"Organization {organization}, User {user}",
        f"User: {user}, Organization: {organization}",
        f"User={user},Organization={organization},",
    ):
        reply = await api.get("/elements", headers={"Authorization": header})
        assert reply.status == 200, header


async def test_wrong_authorization_is_refused(
    api: Api, nobody: Api, credentials: Credentials, stranger: Credentials
) -> None:
    user, organization = credentials.user_secret, credentials.organization_secret
    assert (await nobody.get("/elements")).status == 401
    for header in (
        "",
        user,
        f"User {user}",
        f"Organization {organization}",
        f"User {organization}, Organization {user}",
        f"User {user}, Organization {stranger.organization_secret}",
        f"User {user}, Organization",
        f"User {user} Organization {organization}",
        f"User {user}, Element {organization}",
        f"Bearer {user}",
        f"User {user}x, Organization {organization}",
        "User \udcff, Organization \udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
    ):
        reply = await api.get("/elements", headers={"Authorization": header})
        assert reply.status == 401, header
        assert reply.headers["WWW-Authenticate"].startswith("User")


OPEN_CALLS = {
    ("GET", "/elements/{element}/oauth/url"): 400,
    ("GET", "/elements/{element}/oauth/callback"): 200,
    ("POST", "/authentication"): 415,
    ("GET", "/authentication"): 200,
}


async def test_every_platform_call_but_the_consent_address_asks_who_calls(nobody: Api) -> None:
    examples = {"id": "1", "element": "maximizer", "hub": "crm", "resource": "contacts"}
    examples |= {"item": "x", "record": "x"}
    for route in PLATFORM_ROUTES:
        path = re.sub(r"\{(\w+)[^/]*", lambda match: examples.get(match[1], "1"), route.path)
        reply = await nobody.call(route.method, path)
        expected = OPEN_CALLS.get((route.method, route.path), 401)
        assert reply.status == expected, (route.method, path)
    for route in OPERATOR_ROUTES:
        assert (await nobody.call(route.method, route.path)).status == 200


async def test_a_fault_of_ours_shows_nothing_of_its_inside(
    api: Api, context: AdminContext, monkeypatch: pytest.MonkeyPatch, lines: list[Any]
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(context.instances, "list_page", fail)
    reply = await api.get("/instances")
    assert reply.status == 500
    assert "secret" not in reply.text
    failed = next(line for line in lines if line["event"] == "request.failed")
    assert failed["log_level"] == "error"


async def test_an_absent_database_is_told_from_a_fault_of_ours(
    api: Api, context: AdminContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise DatabaseUnavailable("The database does not answer: refused")

    monkeypatch.setattr(context.accounts, "find_by_secrets", fail)
    reply = await api.get("/instances")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "5")


async def test_each_request_leaves_one_line_and_no_secret_in_it(
    api: Api, credentials: Credentials, lines: list[Any]
) -> None:
    created = (await api.call("POST", "/instances", body_of())).json
    await api.get("/elements/maximizer/oauth/url?apiSecret=hidden-query&callbackUrl=x&apiKey=y")
    await api.get(f"/instances/{created['id']}", headers={"Accept": "text/x-hidden"})
    await api.get("/elements", headers={"Authorization": "User hidden-user, Organization y"})
    finished = [line for line in lines if line["event"] == "request.finished"]
    assert [(line["method"], line["route"], line["status"]) for line in finished] == [
        ("POST", "/instances", 200),
        ("GET", "/elements/{element}/oauth/url", 400),
        ("GET", "/instances/{id}", 406),
        ("GET", "/elements", 401),
    ]
    text = repr(lines)
    secrets = (
        "hidden",
        "client-secret",
        "code-0",
        created["token"],
        created["webhookSecret"],
        credentials.user_secret,
        credentials.organization_secret,
        platform(credentials),
    )
    assert not [secret for secret in secrets if secret in text]


async def test_what_can_be_got_can_be_asked_about_by_its_head(api: Api) -> None:
    for path in ("/livez", "/instances", "/docs", "/elements/api-v2/elements/maximizer"):
        headers = {"Accept": "*/*"}
        got = await api.get(path, headers=headers)
        asked = await api.call("HEAD", path, headers=headers)
        assert (asked.status, asked.text) == (200, "")
        assert asked.headers["Content-Type"] == got.headers["Content-Type"]
    assert (await api.call("HEAD", "/events/stream")).status == 405
