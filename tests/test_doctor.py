"""The doctor at the stand-in: what is right, what is wrong with each fault, and no secrets."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from daemon.doctor import examine
from daemon.doctor_findings import Finding, Mark
from daemon.errors import Conflict, InvalidInput
from daemon.instance import InstanceId
from daemon.sandbox import crm as crm_app
from daemon.sandbox.service import Options
from daemon.settings import DatabaseSettings, Settings
from daemon.store.accounts import Accounts
from daemon.store.database import Database
from daemon.store.embedded import ServerAddress
from daemon.store.encryption import open_keyring
from tests.sandbox.clients import Crm
from tests.store.factories import make_instance, make_resource

UNLIMITED = {"rate_limit_calls": 0}


@dataclass(kw_only=True)
class Practice:
    """An instance at a stand-in, and the doctor who is asked about it."""

    crm: Crm
    database: Database
    settings: Settings
    instance_id: InstanceId

    async def findings(self, named: str | None = None) -> list[Finding]:
        return [finding async for finding in examine(self.settings, named or str(self.instance_id))]

    async def wrong(self) -> list[str]:
        return [str(each) for each in await self.findings() if each.mark is Mark.WRONG]

    async def resource(self, name: str, **polling: Any) -> None:
        await make_resource(self.database, self.instance_id, name, **polling)


@pytest.fixture
async def crm() -> AsyncIterator[Crm]:
    app = crm_app.create_app(Options(seed=1, faults=UNLIMITED))
    async with TestClient(TestServer(app)) as http:
        yield Crm(http)


@pytest.fixture
async def practice(
    crm: Crm, database: Database, database_address: ServerAddress, tmp_path: Path
) -> Practice:
    at = database_address
    base = str(crm.http.make_url("")).rstrip("/")
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path,
            "database": DatabaseSettings(
                dsn=SecretStr(f"postgresql://{at.user}@/{at.database}?host={at.host}")
            ),
            "security": {
                "allowed_private_networks": [ip_network("127.0.0.0/8")],
                "encryption_keys_file": tmp_path / "keys",
            },
            "connectors": {
                "maximizer": {
                    "authorize_url": f"{base}/OAuth2/{{alias}}/Authorize",
                    "token_url": f"{base}/oauth2/{{alias}}/token",
                    "api_url": f"{base}/octopus",
                    "rate_limit": "10000/10s",
                }
            },
        }
    )
    await Accounts(database, open_keyring(tmp_path / "keys")).check_keyring()
    instance_id = await make_instance(
        database,
        **{
            "maximizer.personal.access.token": crm.service.personal_access_token,
            "maximizer.alias": "Acme",
            "event.poller.refresh_interval": 15,
        },
    )
    return Practice(crm=crm, database=database, settings=settings, instance_id=instance_id)


def marks_of(findings: list[Finding]) -> Mapping[Mark, int]:
    return {mark: sum(each.mark is mark for each in findings) for mark in Mark}


async def test_a_sound_instance_has_nothing_wrong(practice: Practice) -> None:
    for name in ("contacts", "opportunities", "tasks", "notes"):
        await practice.resource(name)
    findings = await practice.findings()
    text = "\n".join(map(str, findings))
    assert marks_of(findings)[Mark.WRONG] == 0, text
    for words in (
        f"Instance {practice.instance_id}",
        "The provider accepts the token.",
        "/octopus",
        "contacts: The schema has all fields",
        "LastModifyDate can be searched and sorted by",
        "contacts: LastModifyDate can be read",
        "contacts: CreationDate can be read",
        "The newest record is found by its own date",
        "The clocks agree",
        "A page of 100 came with 100 rows",
        "its key stood at AbEntry.PageKey",
        "Records come in the order of their dates",
        "calls an hour are wanted (polls 32, comparisons of content",
    ):
        assert words in text


async def test_no_secret_is_told_whatever_happens(practice: Practice, caplog: Any) -> None:
    await practice.resource("contacts")
    token = practice.crm.service.personal_access_token
    for switches in (
        {},
        {"error_answer": {"message": f"Cannot use {token} of Bearer {token}"}},
        {"error_answer": None, "status": {"status": 500, "body": f"token={token}"}},
    ):
        await practice.crm.switch(**switches)
        with caplog.at_level(logging.DEBUG):
            told = "\n".join(map(str, await practice.findings()))
        assert token not in told
        assert token not in caplog.text
        assert "contacts" in told or "does not answer" in told or "WRONG" in told


async def test_an_instance_is_found_by_its_name_too(practice: Practice) -> None:
    name = await practice.database.fetchval("select name from instances")
    assert str((await practice.findings(name))[0]).startswith(
        f"ok    Instance {practice.instance_id}"
    )


@pytest.mark.parametrize("named", ["99999", "nobody", "9" * 30, "²"])
async def test_an_instance_that_does_not_exist_is_wrong_usage(
    practice: Practice, named: str
) -> None:
    with pytest.raises(InvalidInput, match="there is no instance"):
        await practice.findings(named)


async def test_a_name_that_several_instances_have_is_wrong_usage(practice: Practice) -> None:
    await make_instance(practice.database)
    await practice.database.execute("update instances set name = 'Twin'")
    with pytest.raises(InvalidInput, match=f"several instances .*{practice.instance_id}"):
        await practice.findings("Twin")


STATES: dict[str, tuple[dict[str, Any], Mark, str]] = {
    "needs_reauth": (
        {"state_reason": "refused"},
        Mark.WRONG,
        "waiting for new credentials: refused",
    ),
    "degraded": ({"state_reason": "HTTP 500"}, Mark.WRONG, "degraded: HTTP 500"),
    "disabled": ({"state_reason": None}, Mark.NOTE, "disabled."),
}


@pytest.mark.parametrize("state", STATES)
async def test_the_state_of_the_instance_comes_first(practice: Practice, state: str) -> None:
    changes, mark, words = STATES[state]
    await practice.database.execute(
        "update instances set state = $1, state_reason = $2", state, changes["state_reason"]
    )
    finding, *_ = await practice.findings()
    assert finding.mark is mark
    assert words in finding.sentence


FAULTS: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "a rejected token": ("contacts", {"bad_token": {}}, {}, "refuses the credentials"),
    "an outage": ("contacts", {"status": {"status": 503}}, {}, "does not answer"),
    "a field that does not exist": ("contacts", {}, {"idField": "Mood"}, "no field 'Mood'"),
    "a field that cannot be sorted by": (
        "contacts",
        {"hidden_abilities": ["AbEntry/LastModifyDate"]},
        {},
        "cannot be sorted by 'LastModifyDate'",
    ),
    "a date that is none": (
        "contacts",
        {},
        {"datesConfiguration": {"createdDateField": "LastName"}},
        "is no date in the format",
    ),
    "literals of another zone": (
        "leads",
        {"stamp_zones": {"Lead": "Asia/Tokyo"}, "query_zones": {"Lead": "UTC"}},
        {},
        "9 h later",
    ),
    "a clock that is wrong": ("contacts", {"date_skew_seconds": 4000}, {}, "s ahead of ours"),
    "a key that leads back": ("contacts", {"repeated_page_key": {}}, {}, "leads back"),
    "polls more often than the account allows": ("contacts", {}, {}, "Polls will be late"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_is_wrong_is_said_in_words(practice: Practice, fault: str) -> None:
    resource, switches, entry, words = FAULTS[fault]
    await practice.resource(resource, **entry)
    await practice.crm.switch(**switches)
    if "Polls" in words:
        await practice.database.execute(
            "update instances set configuration = configuration || $1",
            {"event.poller.refresh_interval": 0.00002},
        )
    wrong = await practice.wrong()
    assert any(words in sentence for sentence in wrong), wrong


NOTES: dict[str, tuple[str, dict[str, Any], str]] = {
    "a schema that cannot be read": (
        "contacts",
        {"schema": "unsupported"},
        "The schema cannot be read",
    ),
    "stamps that cannot be searched by": (
        "contacts",
        {"not_queryable": ["AbEntry/LastModifyDate"]},
        "read from the newest on",
    ),
    "pages that are cut": ("contacts", {"max_page_size": 30}, "cut to 30 rows"),
    "literals that mean an earlier time": (
        "leads",
        {"stamp_zones": {"Lead": "America/Vancouver"}, "query_zones": {"Lead": "UTC"}},
        "taken for an earlier one",
    ),
}


@pytest.mark.parametrize("note", NOTES)
async def test_what_is_coped_with_is_only_noted(practice: Practice, note: str) -> None:
    resource, switches, words = NOTES[note]
    await practice.resource(resource)
    await practice.crm.switch(**switches)
    findings = await practice.findings()
    text = "\n".join(map(str, findings))
    assert marks_of(findings)[Mark.WRONG] == 0, text
    assert words in text


async def test_an_empty_resource_is_noted_and_never_called_fine(practice: Practice) -> None:
    for record in list(practice.crm.service.store.records("Campaign")):
        practice.crm.service.editor.delete(record)
    await practice.resource("campaigns")
    text = "\n".join(map(str, await practice.findings()))
    assert "note  campaigns: There is no record to check dates by." in text
    assert "note  campaigns: There is no record to try a date on." in text


async def test_what_the_daemon_has_met_is_told(practice: Practice) -> None:
    await practice.resource("contacts")
    await practice.resource("companies")
    await practice.database.execute(
        "update resources set last_error = 'HTTP 500', state = 'degraded', failures = 1"
        " where name = 'contacts'"
    )
    await practice.database.execute(
        "update resources set last_error = '20 of 61 objects are gone', state = 'paused'"
        " where name = 'companies'"
    )
    text = "\n".join(map(str, await practice.findings()))
    assert "WRONG contacts: The last poll failed: HTTP 500" in text
    assert "WRONG companies: 20 of 61 objects are gone" in text
    assert "note  companies: It is paused" in text


async def test_events_that_are_off_are_noted(practice: Practice) -> None:
    assert "its events are off" in str((await practice.findings())[-1])


async def test_a_configuration_that_is_no_longer_understood_is_told(practice: Practice) -> None:
    await practice.resource("contacts", pageSize="many")
    assert any("pageSize" in sentence for sentence in await practice.wrong())


async def test_a_database_of_another_version_is_refused(
    practice: Practice, postgres: ServerAddress
) -> None:
    dsn = f"postgresql://{postgres.user}@/{postgres.database}?host={postgres.host}"
    elsewhere = {"database": DatabaseSettings(dsn=SecretStr(dsn))}
    practice.settings = practice.settings.model_copy(update=elsewhere)
    with pytest.raises(Conflict, match="run pollhook migrate"):
        await practice.findings()
