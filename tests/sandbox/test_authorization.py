from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp.test_utils import TestClient, TestServer

from daemon.sandbox import crm as crm_app
from daemon.sandbox.clock import Clock
from daemon.sandbox.grants import Client
from daemon.sandbox.service import Options
from tests.sandbox.clients import Crm

BACK = "http://127.0.0.1:9/back?kept=1"
ASKED = {
    "response_type": "code",
    "client_id": "sandbox-client",
    "redirect_uri": BACK,
    "state": "s",
    "scope": "data",
}


async def ask(crm: Crm, path: str = "/oauth2/demo/authorize", **changed: str) -> dict[str, str]:
    """The query of the redirect that an automatic consent answers with."""
    response = await crm.http.get(
        path, params={"auto": "allow", **ASKED, **changed}, allow_redirects=False
    )
    assert response.status == 302, await response.text()
    query = parse_qs(urlsplit(response.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


async def token(crm: Crm, path: str = "/oauth2/demo/token", **form: str) -> tuple[int, Any]:
    credentials = {
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "redirect_uri": BACK,
    }
    response = await crm.http.post(path, data=credentials | form)
    return response.status, await response.json()


async def pair(crm: Crm) -> dict[str, str]:
    code = (await ask(crm))["code"]
    status, answer = await token(crm, grant_type="authorization_code", code=code)
    assert status == 200
    return answer


async def refresh(crm: Crm, refresh_token: str) -> tuple[int, Any]:
    return await token(crm, grant_type="refresh_token", refresh_token=refresh_token)


async def test_the_consent_page_has_two_buttons_and_escapes_what_it_was_given(crm: Crm) -> None:
    response = await crm.http.get("/oauth2/demo/authorize", params=ASKED | {"state": '"><script>'})
    page = await response.text()
    assert 'value="allow">Allow' in page
    assert 'value="deny">Deny' in page
    assert "<script>" not in page


async def test_allowing_on_the_page_redirects_with_a_code_and_the_state(crm: Crm) -> None:
    response = await crm.http.post(
        "/oauth2/demo/authorize", data=ASKED | {"decision": "allow"}, allow_redirects=False
    )
    target = urlsplit(response.headers["Location"])
    query = parse_qs(target.query)
    assert (target.netloc, target.path, query["kept"]) == ("127.0.0.1:9", "/back", ["1"])
    assert query["state"] == ["s"]
    assert query["code"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"auto": "deny"}, "access_denied"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "everything"}, "invalid_scope"),
    ],
    ids=["denied", "response type", "scope"],
)
async def test_a_refusal_redirects_with_an_error_instead_of_a_code(
    crm: Crm, changed: dict[str, str], error: str
) -> None:
    answer = await ask(crm, **changed)
    assert answer == {"kept": "1", "state": "s", "error": error}


@pytest.mark.parametrize(
    "changed",
    [{"client_id": "other"}, {"redirect_uri": "ftp://elsewhere"}, {"redirect_uri": ""}],
    ids=["client", "scheme", "no address"],
)
async def test_an_unknown_client_or_address_is_never_redirected(
    crm: Crm, changed: dict[str, str]
) -> None:
    response = await crm.http.get(
        "/oauth2/demo/authorize",
        params={"auto": "allow", **ASKED, **changed},
        allow_redirects=False,
    )
    assert response.status == 400


async def test_only_registered_addresses_and_tenants_are_served_where_they_are_listed(
    clock: Clock,
) -> None:
    options = Options(
        seed=None,
        aliases=("Acme",),
        client=Client(id="sandbox-client", secret="sandbox-secret", redirect_uris=(BACK,)),
    )
    async with TestClient(TestServer(crm_app.create_app(options, clock))) as http:
        crm = Crm(http)
        assert (await ask(crm, "/oauth2/acme/authorize"))["code"]
        for path, back in (("acme", "http://127.0.0.1:9/other"), ("other", BACK)):
            response = await http.get(
                f"/oauth2/{path}/authorize", params=ASKED | {"redirect_uri": back}
            )
            assert response.status == 400


@pytest.mark.parametrize(
    ("authorize", "exchange"),
    [
        ("/OAuth2/Demo/Authorize", "/oauth2/demo/TOKEN"),
        (
            "/MaximizerWebAuthentication/OAuth2/Authorize",
            "/maximizerwebauthentication/oauth2/token",
        ),
    ],
    ids=["cloud", "on-premise"],
)
async def test_addresses_are_matched_in_any_casing(crm: Crm, authorize: str, exchange: str) -> None:
    code = (await ask(crm, authorize))["code"]
    status, answer = await token(crm, exchange, grant_type="authorization_code", code=code)
    assert (status, sorted(answer)) == (200, ["access_token", "refresh_token"])


async def test_an_access_token_opens_the_data_api(crm: Crm) -> None:
    crm.headers = {"Authorization": f"Bearer {(await pair(crm))['access_token']}"}
    assert await crm.rows() == []


async def test_a_code_is_good_once_and_only_for_a_while(crm: Crm) -> None:
    code, late = (await ask(crm))["code"], (await ask(crm))["code"]
    first, _ = await token(crm, grant_type="authorization_code", code=code)
    second, answer = await token(crm, grant_type="authorization_code", code=code)
    crm.service.clock.advance(600)
    expired, _ = await token(crm, grant_type="authorization_code", code=late)
    assert (first, second, answer["error"], expired) == (200, 400, "invalid_grant", 400)


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"redirect_uri": "http://127.0.0.1:9/other"}, 400, "invalid_grant"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"path": "/oauth2/other/token"}, 400, "invalid_grant"),
    ],
    ids=["address", "secret", "client", "grant type", "tenant"],
)
@pytest.mark.parametrize("grant", ["code", "refresh_token"])
async def test_both_grants_are_refused_when_anything_differs(
    crm: Crm, grant: str, changed: dict[str, str], status: int, error: str
) -> None:
    form = {"grant_type": "authorization_code", "code": (await ask(crm))["code"]}
    if grant == "refresh_token":
        form = {"grant_type": grant, grant: (await pair(crm))["refresh_token"]}
    refused, answer = await token(crm, **form | changed)
    assert (refused, answer["error"]) == (status, error)


async def test_the_redirect_address_must_be_sent_on_refresh_too(crm: Crm) -> None:
    given = (await pair(crm))["refresh_token"]
    response = await crm.http.post(
        "/oauth2/demo/token",
        data={
            "grant_type": "refresh_token",
            "refresh_token": given,
            "client_id": "sandbox-client",
            "client_secret": "sandbox-secret",
        },
    )
    assert response.status == 400


async def test_only_form_encoded_bodies_are_read(crm: Crm) -> None:
    response = await crm.http.post("/oauth2/demo/token", json={"grant_type": "refresh_token"})
    assert (await response.json())["error"] == "invalid_request"


async def test_a_rotated_refresh_token_is_good_again_only_within_the_grace(crm: Crm) -> None:
    await crm.switch(refresh_reuse_grace_seconds=30)
    old = (await pair(crm))["refresh_token"]
    _, first = await refresh(crm, old)
    crm.service.clock.advance(29)
    within, _ = await refresh(crm, old)
    crm.service.clock.advance(2)
    after, refused = await refresh(crm, old)
    newest, _ = await refresh(crm, first["refresh_token"])
    assert first["refresh_token"] != old
    assert (within, after, refused["error"], newest) == (200, 400, "invalid_grant", 200)


async def test_without_rotation_the_refresh_token_stays_and_may_be_left_out(crm: Crm) -> None:
    old = (await pair(crm))["refresh_token"]
    await crm.switch(refresh_rotation=False)
    _, kept = await refresh(crm, old)
    await crm.switch(refresh_answers_refresh_token=False)
    _, without = await refresh(crm, old)
    assert kept["refresh_token"] == old
    assert list(without) == ["access_token"]


async def test_expiry_and_type_are_in_the_answer_only_on_request(crm: Crm) -> None:
    await crm.switch(expires_in=600, token_type="bearer")
    answer = await pair(crm)
    assert (answer["expires_in"], answer["token_type"]) == (600, "bearer")


async def test_revoked_refresh_tokens_are_refused(crm: Crm) -> None:
    given = (await pair(crm))["refresh_token"]
    await crm.http.delete("/_sandbox/tokens/refresh")
    status, answer = await refresh(crm, given)
    assert (status, answer["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(("consent", "told"), [("allow", "code"), ("deny", "error")])
async def test_the_profile_can_decide_for_the_user(crm: Crm, consent: str, told: str) -> None:
    await crm.switch(consent=consent)
    response = await crm.http.get("/oauth2/demo/authorize", params=ASKED, allow_redirects=False)
    assert told in parse_qs(urlsplit(response.headers["Location"]).query)
