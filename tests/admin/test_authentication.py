"""Signing in, staying in and signing out, and what other sites' pages cannot do meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from daemon.admin.authentication import invitation
from daemon.admin.context import AdminContext
from daemon.admin.server import create_application
from daemon.admin.sessions import COOKIE, CSRF_HEADER
from daemon.admin.ui.pages import load_assets
from daemon.store.database import Database
from daemon.store.first_account import Credentials
from tests.admin.api import Api, Reply, body_of, polling_body_of

EXPIRE = "update sessions set expires_at = now() - interval '1 second'"
IDLE = "update sessions set used_at = now() - interval '13 hours'"


@pytest_asyncio.fixture
async def browser(context: AdminContext) -> AsyncIterator[Api]:
    """A caller with a cookie jar and without secrets."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with TestClient(TestServer(create_application(context)), cookie_jar=jar) as client:
        yield Api(client=client, authorization=None)


async def sign_in(browser: Api, credentials: Credentials) -> Reply:
    body = {"username": credentials.username, "password": credentials.password}
    return await browser.call("POST", "/authentication", body)


async def page_headers(browser: Api) -> Mapping[str, str]:
    return {CSRF_HEADER: (await browser.get("/authentication")).json["csrfToken"]}


async def test_a_password_opens_a_session_whose_cookie_no_script_can_read(
    browser: Api, credentials: Credentials
) -> None:
    assert (await browser.get("/authentication")).json == {"signedIn": False}
    reply = await sign_in(browser, credentials)
    cookie = reply.headers["Set-Cookie"].lower()
    assert reply.status == 200
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    session = (await browser.get("/authentication")).json
    assert (session["username"], session["organization"]) == ("anna", "ours")


async def test_behind_https_the_cookie_travels_by_https_only(
    context: AdminContext, credentials: Credentials
) -> None:
    application = create_application(replace(context, public_url="https://hooks.example"))
    async with TestClient(TestServer(application)) as client:
        reply = await client.post(
            "/authentication",
            json={"username": credentials.username, "password": credentials.password},
            headers={"Host": "hooks.example"},
        )
        assert "secure" in reply.headers["Set-Cookie"].lower()


async def test_the_answered_token_works_as_bearer(browser: Api, credentials: Credentials) -> None:
    token = (await sign_in(browser, credentials)).json["token"]
    browser.client.session.cookie_jar.clear()
    headers = {"Authorization": f"Bearer {token}"}
    reply = await browser.get("/authentication/secrets", headers=headers)
    assert reply.json == {
        "userSecret": credentials.user_secret,
        "organizationSecret": credentials.organization_secret,
    }
    created = await browser.call("POST", "/instances", body_of(), headers=headers)
    assert created.status == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="without the page's token"),
        pytest.param({CSRF_HEADER: "0" * 64}, id="with a wrong one"),
        pytest.param({"Origin": "https://evil.example"}, id="from another origin"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="from another site"),
    ],
)
async def test_another_site_cannot_write_with_the_cookie(
    browser: Api, credentials: Credentials, headers: Mapping[str, str]
) -> None:
    await sign_in(browser, credentials)
    right = (
        await page_headers(browser) if "Origin" in headers or "Sec-Fetch-Site" in headers else {}
    )
    reply = await browser.call("POST", "/instances", body_of(), headers={**right, **headers})
    assert reply.status == 403
    assert (await browser.get("/instances")).json == []


async def test_the_page_writes_with_cookie_and_token(
    browser: Api, credentials: Credentials
) -> None:
    await sign_in(browser, credentials)
    headers = await page_headers(browser)
    assert (await browser.call("POST", "/instances", body_of(), headers=headers)).status == 200


async def test_signing_in_cannot_be_done_by_another_sites_page(
    browser: Api, credentials: Credentials
) -> None:
    body = {"username": credentials.username, "password": credentials.password}
    headers = {"Origin": "https://evil.example"}
    assert (await browser.call("POST", "/authentication", body, headers=headers)).status == 403


@pytest.mark.parametrize("query", [EXPIRE, IDLE], ids=["its end", "idleness"])
async def test_a_session_ends_by(
    query: str, browser: Api, credentials: Credentials, database: Database
) -> None:
    await sign_in(browser, credentials)
    await database.execute(query)
    reply = await browser.get("/instances")
    assert (reply.status, reply.json["message"]) == (401, "The session is over: sign in again.")


async def test_a_new_password_ends_the_sessions_of_the_old_one(
    browser: Api, credentials: Credentials, context: AdminContext
) -> None:
    await sign_in(browser, credentials)
    await context.accounts.rotate("anna")
    assert (await browser.get("/instances")).status == 401


async def test_signing_out_ends_the_session_for_every_copy_of_its_token(
    browser: Api, credentials: Credentials
) -> None:
    token = (await sign_in(browser, credentials)).json["token"]
    headers = await page_headers(browser)
    assert (await browser.call("DELETE", "/authentication", headers=headers)).status == 200
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await browser.get("/instances", headers=bearer)).status == 401


async def test_wrong_passwords_are_slowed_down(browser: Api, credentials: Credentials) -> None:
    wrong = replace(credentials, password="wrong")
    statuses = [(await sign_in(browser, wrong)).status for _ in range(4)]
    assert statuses == [401, 401, 401, 429]
    refused = await sign_in(browser, credentials)
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) >= 1


async def test_a_link_signs_in_once(
    browser: Api, context: AdminContext, credentials: Credentials
) -> None:
    address = await invitation(context, "http://here.example/")
    assert address is not None
    assert address.startswith("http://here.example/ui/sign-in#link=")
    body = {"link": parse_qs(urlsplit(address).fragment)["link"][0]}
    assert (await browser.call("POST", "/authentication", body)).status == 200
    assert (await browser.get("/authentication")).json["username"] == "anna"
    assert (await browser.call("POST", "/authentication", body)).status == 401


async def test_nobody_is_invited_before_there_is_a_user(context: AdminContext) -> None:
    assert await invitation(context, "http://here.example") is None


async def test_the_secret_of_a_session_is_not_in_the_database(
    browser: Api, credentials: Credentials, database: Database
) -> None:
    token = (await sign_in(browser, credentials)).json["token"]
    row = await database.fetchrow("select sessions::text as text from sessions")
    assert row is not None
    assert token not in row["text"]
    assert token.encode().hex() not in row["text"]
    cookies = browser.client.session.cookie_jar.filter_cookies(browser.client.make_url("/"))
    assert cookies[COOKIE].value == token


async def land(browser: Api, **query: str) -> dict[str, list[str]]:
    async with browser.client.get(
        "/elements/maximizer/oauth/callback", params=query, allow_redirects=False
    ) as response:
        assert response.status == 303
        return parse_qs(urlsplit(response.headers["Location"]).fragment)


async def ask_consent(browser: Api, **body: Any) -> Reply:
    headers = await page_headers(browser)
    path = "/elements/maximizer/oauth/state"
    return await browser.call("POST", path, body, headers=headers)


async def test_consent_comes_back_once_and_to_the_session_that_asked(
    browser: Api, credentials: Credentials, context: AdminContext
) -> None:
    await sign_in(browser, credentials)
    asked = (await ask_consent(browser, configuration={"maximizer.alias": "acme"})).json
    assert asked["callbackUrl"].endswith("/elements/maximizer/oauth/callback")
    assert asked["state"] in asked["oauthUrl"]
    stranger_jar = aiohttp.CookieJar(unsafe=True)
    async with TestClient(
        TestServer(create_application(context)), cookie_jar=stranger_jar
    ) as other:
        stranger = Api(client=other, authorization=None)
        await sign_in(stranger, credentials)
        assert (await land(stranger, code="c", state=asked["state"]))["error"] == ["unknown_state"]
    told = await land(browser, code="c", state=asked["state"])
    assert told == {"code": ["c"], "state": [asked["state"]]}
    assert (await land(browser, code="c", state=asked["state"]))["error"] == ["unknown_state"]


async def test_a_refusal_comes_back_in_the_providers_words(
    browser: Api, credentials: Credentials
) -> None:
    await sign_in(browser, credentials)
    asked = (await ask_consent(browser, configuration={"maximizer.alias": "acme"})).json
    told = await land(browser, error="access_denied", state=asked["state"])
    assert told == {"error": ["access_denied"], "reason": ["access_denied"]}


async def test_consent_cannot_be_renewed_for_anothers_instance(
    browser: Api, credentials: Credentials, foreign: Api
) -> None:
    theirs = (await foreign.call("POST", "/instances", body_of())).json["id"]
    await sign_in(browser, credentials)
    assert (await ask_consent(browser, instanceId=theirs)).status == 404


async def test_the_page_shows_nothing_of_another_organization(
    browser: Api, credentials: Credentials, foreign: Api
) -> None:
    theirs = (await foreign.call("POST", "/instances", body_of("Theirs"))).json["id"]
    await sign_in(browser, credentials)
    assert (await browser.get("/ui/data/instances")).json["instances"] == []
    assert sum((await browser.get("/ui/data/totals")).json["instances"].values()) == 0
    assert (await browser.get(f"/ui/data/instances/{theirs}/series")).status == 404
    assert (await browser.get("/ui/data/series?span=week")).json["changes"] == []


@pytest.mark.parametrize("path", ["/ui/data/totals", "/ui/data/instances", "/ui/data/series"])
async def test_glances_ask_who_calls(nobody: Api, path: str) -> None:
    assert (await nobody.get(path)).status == 401


async def test_glances_show_an_instance_and_refuse_what_makes_no_sense(
    browser: Api, credentials: Credentials
) -> None:
    await sign_in(browser, credentials)
    headers = await page_headers(browser)
    body = polling_body_of("Ours")
    made = (await browser.call("POST", "/instances", body, headers=headers)).json
    found = (await browser.get(f"/ui/data/instances?text={made['id']}&tag=Docs")).json
    assert [each["name"] for each in found["instances"]] == ["Ours"]
    only = (await browser.get(f"/ui/data/instances?id={made['id']}")).json["instances"]
    assert [each["id"] for each in only] == [made["id"]]
    drawn = (await browser.get(f"/ui/data/instances/{made['id']}/series?span=day")).json
    assert (drawn["spanSeconds"], drawn["polls"]["contacts"]) == (86_400, [])
    assert drawn["calls"]["allowedPerHour"] > drawn["calls"]["forecastPerHour"] > 0
    assert (await browser.get("/ui/data/instances?state=odd")).faults.keys() == {"state"}
    assert (await browser.get("/ui/data/series?span=year")).faults.keys() == {"span"}


async def test_the_page_comes_with_a_strict_policy_and_its_files_are_packed(nobody: Api) -> None:
    page = await nobody.get("/ui/instances/5")
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    script = await nobody.get("/ui/assets/main.js", headers={"Accept-Encoding": "gzip"})
    assert script.headers["Content-Encoding"] == "gzip"
    again = {"If-None-Match": script.headers["Etag"]}
    assert (await nobody.get("/ui/assets/main.js", headers=again)).status == 304
    assert (await nobody.get("/ui/assets/passwd")).status == 404


async def test_script_and_style_are_under_50_kb_on_the_wire() -> None:
    sent = [
        len(file.packed) for name, file in load_assets().items() if name.endswith((".js", ".css"))
    ]
    assert sum(sent) < 50_000


async def test_there_is_no_sandbox_outside_the_demo(api: Api) -> None:
    assert (await api.get("/ui/sandbox/records/contacts")).status == 404
