from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from daemon.connectors.connector import Grant, Query
from daemon.errors import (
    CredentialsRefused,
    InvalidInput,
    NotFound,
    ProviderUnavailable,
    RequestRefused,
)
from daemon.instance import InstanceId
from daemon.sandbox import crm as crm_app
from daemon.sandbox.service import Options
from daemon.store.credentials import seal
from daemon.store.database import Database
from tests.connectors.maximizer.stage import KEYRING, Stage, stage
from tests.sandbox.clients import Crm
from tests.store.credential_rows import insert_instance

CLIENT: Mapping[str, Any] = {
    "oauth.api.key": "sandbox-client",
    "oauth.api.secret": "sandbox-secret",
    "oauth.callback.url": "https://app.example/back",
    "maximizer.alias": "acme",
}
PERSONAL: Mapping[str, Any] = {"maximizer.personal.access.token": "personal"}


@pytest.fixture
async def crm() -> AsyncIterator[Crm]:
    app = crm_app.create_app(Options(seed=None, faults={"rate_limit_calls": 0, "consent": "allow"}))
    async with TestClient(TestServer(app)) as http:
        yield Crm(http)


@pytest.fixture
async def maximizer(crm: Crm, database: Database) -> AsyncIterator[Stage]:
    async with stage(crm, CLIENT, database=database) as opened:
        yield opened


async def consent(crm: Crm, maximizer: Stage) -> str:
    """What a person's browser brings back."""
    url = maximizer.connector.authorize_url(maximizer.configuration, "maximizer")
    response = await crm.http.get(URL(url, encoded=True).relative(), allow_redirects=False)
    assert response.status == 302
    back = URL(response.headers["Location"])
    assert back.query["state"] == "maximizer"
    return back.query["code"]


async def connect(crm: Crm, maximizer: Stage, database: Database) -> Grant:
    """An instance with the tokens of a fresh consent."""
    code = await consent(crm, maximizer)
    grant = await maximizer.connector.exchange(maximizer.configuration, code)
    maximizer.instance_id = await insert_instance(database, KEYRING, grant)
    return grant


async def state_of(database: Database, instance_id: int) -> str:
    state: str = await database.fetchval("select state from instances where id = $1", instance_id)
    return state


async def test_consent_leads_to_a_code_and_the_code_to_tokens_that_read(
    crm: Crm, maximizer: Stage, database: Database
) -> None:
    await crm.contact("Doe")
    grant = await connect(crm, maximizer, database)
    assert grant.refresh_token is not None
    assert len(await maximizer.records("addressbook-entries")) == 1


async def test_a_code_is_good_once(crm: Crm, maximizer: Stage) -> None:
    code = await consent(crm, maximizer)
    await maximizer.connector.exchange(maximizer.configuration, code)
    with pytest.raises(CredentialsRefused) as raised:
        await maximizer.connector.exchange(maximizer.configuration, code)
    assert raised.value.provider_message is not None
    assert "invalid_grant" in raised.value.provider_message


async def test_a_wrong_client_secret_is_refused(crm: Crm, maximizer: Stage) -> None:
    code = await consent(crm, maximizer)
    wrong = {**maximizer.configuration, "oauth.api.secret": "wrong"}
    with pytest.raises(CredentialsRefused):
        await maximizer.connector.exchange(wrong, code)


@pytest.mark.parametrize("form", ["http_401", "code"])
async def test_a_token_that_ends_in_the_middle_of_paging_is_renewed_and_nothing_is_missed(
    crm: Crm, maximizer: Stage, database: Database, form: str
) -> None:
    for number in range(12):
        await crm.contact(f"Person {number:02}")
    await connect(crm, maximizer, database)
    await crm.switch(session_calls=2, unauthorized=form)
    pages = await maximizer.walk("addressbook-entries", page_size=3)
    read = sorted(record.raw["LastName"] for page in pages for record in page.records)
    assert read == [f"Person {number:02}" for number in range(12)]
    generation = await database.fetchval("select credentials_generation from instances")
    assert generation > 1
    assert await state_of(database, maximizer.instance_id) == "active"


@pytest.mark.parametrize("form", ["http_401", "code"])
async def test_a_good_token_that_is_refused_once_costs_one_renewal(
    crm: Crm, maximizer: Stage, database: Database, form: str
) -> None:
    await crm.contact("Doe")
    await connect(crm, maximizer, database)
    await crm.switch(bad_token={"form": form, "times": 1})
    assert len(await maximizer.records("addressbook-entries")) == 1
    assert await database.fetchval("select credentials_generation from instances") == 2


@pytest.mark.parametrize("form", ["http_401", "code"])
async def test_tokens_that_are_refused_again_and_again_are_not_renewed_again_and_again(
    crm: Crm, maximizer: Stage, database: Database, form: str
) -> None:
    await connect(crm, maximizer, database)
    await crm.switch(bad_token={"form": form})
    for _ in range(4):
        with pytest.raises(RequestRefused, match="just issued"):
            await maximizer.read("contacts")
    assert await database.fetchval("select credentials_generation from instances") == 2
    assert await state_of(database, maximizer.instance_id) == "active"


async def test_a_lack_of_rights_renews_no_token(
    crm: Crm, maximizer: Stage, database: Database
) -> None:
    await connect(crm, maximizer, database)
    await crm.switch(status={"status": 403, "body": "You may not read contacts."})
    with pytest.raises(RequestRefused):
        await maximizer.read("contacts")
    assert await database.fetchval("select credentials_generation from instances") == 1


async def test_a_refresh_token_that_is_refused_stops_the_instance(
    crm: Crm, maximizer: Stage, database: Database
) -> None:
    grant = await connect(crm, maximizer, database)
    await crm.http.delete("/_sandbox/tokens/access")
    await maximizer.connector.refresh(maximizer.configuration, grant.refresh_token or "")
    with pytest.raises(CredentialsRefused, match="authorized again"):
        await maximizer.read("contacts")
    assert await state_of(database, maximizer.instance_id) == "needs_reauth"


async def test_a_token_server_that_is_down_stops_nothing(
    crm: Crm, maximizer: Stage, database: Database
) -> None:
    await connect(crm, maximizer, database)
    await crm.http.delete("/_sandbox/tokens/access")
    await crm.switch(status={"call": ["token"], "status": 503})
    with pytest.raises(ProviderUnavailable):
        await maximizer.read("contacts")
    assert await state_of(database, maximizer.instance_id) == "active"


async def test_a_token_is_renewed_ahead_of_its_end_where_the_provider_names_it(
    crm: Crm, maximizer: Stage, database: Database
) -> None:
    await crm.switch(expires_in=600)
    grant = await connect(crm, maximizer, database)
    await database.execute("update instances set credentials_refresh_at = now() - interval '1 s'")
    await maximizer.read("contacts")
    assert grant.refresh_at is not None
    assert await database.fetchval("select credentials_generation from instances") == 2
    assert maximizer.requests("401") == 0


async def test_an_instance_that_is_gone_has_no_tokens(maximizer: Stage) -> None:
    maximizer.instance_id = 999
    with pytest.raises(NotFound):
        await maximizer.read("contacts")


async def test_a_rejected_personal_token_of_an_instance_stops_it(
    crm: Crm, database: Database
) -> None:
    async with stage(crm, PERSONAL, database=database) as opened:
        opened.instance_id = await insert_instance(database, KEYRING, None)
        with pytest.raises(CredentialsRefused, match="of the configuration"):
            await opened.read("contacts")
        assert await state_of(database, opened.instance_id) == "needs_reauth"


async def test_tokens_stored_by_a_person_in_the_meantime_are_used(
    crm: Crm, maximizer: Stage, database: Database
) -> None:
    await connect(crm, maximizer, database)
    account, query = maximizer.account, Query(resource="contacts")
    await maximizer.connector.read(account, query)
    await crm.http.delete("/_sandbox/tokens/access")
    code = await consent(crm, maximizer)
    grant = await maximizer.connector.exchange(maximizer.configuration, code)
    await database.execute(
        "update instances set credentials = $2, credentials_generation = 2 where id = $1",
        maximizer.instance_id,
        seal(KEYRING, InstanceId(maximizer.instance_id), grant),
    )
    await maximizer.connector.read(account, query)
    assert await database.fetchval("select credentials_generation from instances") == 2


@pytest.mark.parametrize(
    ("configuration", "fields"),
    [
        (CLIENT, []),
        (PERSONAL, []),
        ({}, ["oauth.api.key", "oauth.api.secret", "oauth.callback.url", "maximizer.alias"]),
        ({**CLIENT, "oauth.api.secret": " "}, ["oauth.api.secret"]),
        ({**CLIENT, "maximizer.alias": "a/b"}, ["maximizer.alias"]),
        ({**PERSONAL, "maximizer.url": "http://127.0.0.1/api45"}, ["maximizer.url"]),
        ({**PERSONAL, "maximizer.url": "https://0xa9fea9fe/api45"}, ["maximizer.url"]),
        ({**PERSONAL, "maximizer.url": "https://[::ffff:10.0.0.1]/api45"}, ["maximizer.url"]),
        ({**PERSONAL, "maximizer.url": "https://192.168.257/api45"}, ["maximizer.url"]),
        ({**PERSONAL, "maximizer.url": "http://metadata.google.internal/"}, ["maximizer.url"]),
        ({**PERSONAL, "maximizer.url": "https://user:x@crm.example/"}, ["maximizer.url"]),
        ({**PERSONAL, "maximizer.url": "ftp://crm.example/"}, ["maximizer.url"]),
        ({**PERSONAL, "maximizer.url": "https://crm.example/?x=1"}, ["maximizer.url"]),
        ({**PERSONAL, "maximizer.url": "https://crm.example/api45"}, []),
    ],
    ids=str,
)
async def test_every_fault_of_a_configuration_is_named_without_a_call(
    crm: Crm, configuration: Mapping[str, Any], fields: list[str]
) -> None:
    async with stage(crm, configuration) as opened:
        if not fields:
            opened.connector.check_configuration(configuration)
            return
        with pytest.raises(InvalidInput) as raised:
            opened.connector.check_configuration(configuration)
    assert [fault.field for fault in raised.value.faults] == fields


async def test_the_consent_address_names_what_it_lacks(crm: Crm) -> None:
    async with stage(crm, {}) as opened:
        with pytest.raises(InvalidInput) as raised:
            opened.connector.authorize_url({}, "maximizer")
    fields = [fault.field for fault in raised.value.faults]
    assert fields == ["oauth.api.key", "oauth.callback.url", "maximizer.alias"]


async def test_the_element_is_the_originals(crm: Crm) -> None:
    async with stage(crm, {}) as opened:
        element = opened.connector.element
    assert (element.key, element.id, element.hub) == ("maximizer", 5127, "crm")
    defaults = [name for name, spec in element.resources.items() if spec.default]
    assert defaults == ["contacts", "companies", "addressbook-entries", "opportunities"]
    assert len(element.resources) == 13
    undated = {name for name, spec in element.resources.items() if spec.updated_field is None}
    assert undated == {"tasks", "notes", "documents"}
    assert all(spec.created_field for spec in element.resources.values())
    secrets = {key.key for key in element.configuration if key.secret}
    assert secrets == {"oauth.api.key", "oauth.api.secret", "maximizer.personal.access.token"}


async def test_token_calls_do_not_count_against_the_budget(crm: Crm, database: Database) -> None:
    async with stage(crm, CLIENT, rate_limit="2/60s", database=database) as opened:
        await connect(crm, opened, database)
        assert opened.connector.calls_left(CLIENT) == 2
        await opened.read("contacts")
        assert opened.connector.calls_left(CLIENT) == 1
        left = opened.metrics.registry.get_sample_value("pollhook_rate_budget_remaining")
        assert left == 1
