"""Instances that the file declares: made, altered, disabled, or refused as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from daemon.admin.context import AdminContext
from daemon.connectors.connector import Grant
from daemon.declarations import read_declarations
from daemon.declaring import declare
from daemon.errors import InvalidInput
from daemon.instance import InstanceId
from daemon.settings import load_settings
from daemon.store.credentials import Credentials as Tokens
from daemon.store.first_account import Credentials
from tests.admin.api import Api, body_of

CLIENT = """
      oauth.api.key: id
      oauth.api.secret: ${file:secret}
      oauth.callback.url: https://our.example/callback
"""
EVENTS = """
      event.notification.enabled: true
      event.notification.callback.url: https://app.example/changes
"""


def entry(name: str, *configuration: str, more: str = "") -> str:
    lines = "".join(("    configuration:", CLIENT, *configuration))
    return f"  - name: {name}\n    element: maximizer\n{more}{lines}\n"


def polled(url: str = "", **fields: str) -> str:
    given = ", ".join(f"{name}: {text}" for name, text in fields.items())
    where = f"where=LastModifyDate>'${{gmtDate:yyyy-MM-dd'T'HH:mm:ssXXX}}'{url}"
    return f"""{EVENTS}      event.poller.configuration:
        contacts: {{url: "/hubs/crm/contacts?{where}", {given}}}
"""


class File:
    """A configuration file that is applied as often as a test alters it."""

    def __init__(self, context: AdminContext, folder: Path) -> None:
        self.path = folder / "config.yaml"
        self.environ: dict[str, str] = {}
        self._context = context

    async def apply(self, *entries: str) -> list[InstanceId]:
        self.path.write_text("instances:\n" + "".join(entries) if entries else "{}", "utf-8")
        settings = load_settings(self.path, self.environ)
        return list(await declare(self._context, read_declarations(self._context, settings)))

    async def faults(self, *entries: str) -> list[str]:
        with pytest.raises(InvalidInput) as caught:
            await self.apply(*entries)
        return [str(fault).removeprefix(f"{self.path}, ") for fault in caught.value.faults]


@pytest.fixture
def file(
    context: AdminContext, credentials: Credentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> File:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text("the client's secret\n", "utf-8")
    return File(context, tmp_path)


async def listed(api: Api) -> Mapping[str, Any]:
    return {each["name"]: each for each in (await api.get("/instances")).json}


async def resource(context: AdminContext, instance_id: int) -> dict[str, Any]:
    row = await context.database.fetchrow(
        "select state, version, cursor_at, configuration from resources where instance_id = $1",
        instance_id,
    )
    assert row is not None
    return dict(row)


async def test_a_declared_instance_is_like_any_other(
    file: File, api: Api, context: AdminContext
) -> None:
    (made,) = await file.apply(entry("Acme", EVENTS, more="    tags: [eu, 'no']\n"))
    instance = (await listed(api))["Acme"]
    assert instance["id"] == made
    assert instance["declared"] is True
    assert instance["tags"] == ["eu", "no"]
    assert instance["configuration"]["oauth.api.secret"] == "********"
    owned = await context.instances.get_account(made)
    assert owned.configuration["oauth.api.secret"] == "the client's secret"
    resources = (await api.get(f"/instances/{made}/state")).json["resources"]
    assert [each["name"] for each in resources] == [
        "contacts",
        "companies",
        "addressbook-entries",
        "opportunities",
    ]
    rotated = await api.call("POST", f"/instances/{made}/endpoint/rotate-secret", {})
    assert rotated.json["webhookSecret"].startswith("whsec_")


async def test_a_file_that_says_the_same_writes_nothing(
    file: File, api: Api, context: AdminContext
) -> None:
    said = entry("Acme", polled(), "      oauth.user.refresh_token: r1\n")
    (made,) = await file.apply(said)
    before = await resource(context, made), await listed(api)
    assert await file.apply(said) == []
    assert (await resource(context, made), await listed(api)) == before


async def test_what_the_file_says_otherwise_is_altered_and_the_cursor_stays(
    file: File, api: Api, context: AdminContext
) -> None:
    (made,) = await file.apply(entry("Acme", polled()))
    await context.database.execute(
        "update resources set cursor_at = now(), baseline_at = now(), state = 'active'"
    )
    before = await resource(context, made)
    assert await file.apply(entry("Acme", polled(pageSize="50"), more="    tags: [x]\n")) == [made]
    after = await resource(context, made)
    assert after["cursor_at"] == before["cursor_at"]
    assert after["version"] > before["version"]
    assert (await listed(api))["Acme"]["tags"] == ["x"]

    # Another filter keeps the cursor too, unless the entry decides otherwise.
    assert await file.apply(entry("Acme", polled(" AND Department='x'"))) == [made]
    assert (await resource(context, made))["cursor_at"] == before["cursor_at"]
    decided = "    on_filter_change: baseline\n"
    await file.apply(entry("Acme", polled(" AND Department='y'"), more=decided))
    assert (await resource(context, made))["cursor_at"] is None


async def test_an_entry_that_is_gone_is_disabled_and_comes_back_as_it_was(
    file: File, api: Api
) -> None:
    acme, other = await file.apply(entry("Acme", EVENTS), entry("Other", EVENTS))
    assert await file.apply(entry("Other", EVENTS)) == [acme]
    assert (await listed(api))["Acme"]["disabled"] is True
    assert await file.apply() == [other]
    assert await file.apply() == []
    assert await file.apply(entry("Acme", EVENTS)) == [acme]
    instances = await listed(api)
    assert [instances[name]["disabled"] for name in ("Acme", "Other")] == [False, True]
    off = entry("Acme", EVENTS, more="    enabled: false\n")
    assert await file.apply(off) == [acme]
    assert (await listed(api))["Acme"]["disabled"] is True


async def test_an_instance_made_by_a_call_is_left_alone(file: File, api: Api) -> None:
    made = (await api.call("POST", "/instances", body_of("Acme"))).json
    (declared,) = await file.apply(entry("Acme", EVENTS))
    assert declared != made["id"]
    assert await file.apply() == [declared]
    shown = (await api.get(f"/instances/{made['id']}")).json
    assert (shown["declared"], shown["disabled"]) == (False, False)


async def test_one_that_was_deleted_by_a_call_is_made_anew(file: File, api: Api) -> None:
    (first,) = await file.apply(entry("Acme", EVENTS))
    await api.call("DELETE", f"/instances/{first}")
    (second,) = await file.apply(entry("Acme", EVENTS))
    assert second != first


async def test_credentials_of_the_file_are_applied_only_when_they_differ_from_the_last_ones(
    file: File, context: AdminContext
) -> None:
    tokens = Tokens(context.database, context.keyring)

    def seeded(token: str) -> str:
        return entry("Acme", EVENTS, f"      oauth.user.refresh_token: {token}\n")

    (made,) = await file.apply(seeded("r1"))
    stored = await tokens.load(made)
    assert stored.grant is not None
    assert stored.grant.refresh_token == "r1"
    await tokens.store(made, stored.generation, Grant(access_token="a", refresh_token="rotated"))

    assert await file.apply(seeded("r1")) == []
    await file.apply(seeded("r1").replace("app.example", "other.example"))
    assert ((await tokens.load(made)).grant or Grant(access_token="")).refresh_token == "rotated"
    await file.apply(seeded("r2"))
    assert ((await tokens.load(made)).grant or Grant(access_token="")).refresh_token == "r2"


async def test_a_personal_access_token_given_by_a_person_outlives_that_of_the_file(
    file: File, api: Api, context: AdminContext
) -> None:
    key = "maximizer.personal.access.token"
    said = entry("Acme", f"      {key}: first\n")
    (made,) = await file.apply(said)
    body = {"configuration": {key: "second"}}
    assert (await api.call("PATCH", f"/instances/{made}", body)).status == 200
    assert await file.apply(said) == []
    assert (await context.instances.get_account(made)).configuration[key] == "second"
    await file.apply(said.replace("first", "third"))
    assert (await context.instances.get_account(made)).configuration[key] == "third"


async def test_every_fault_is_told_with_its_line_and_key_and_nothing_is_changed(
    file: File, api: Api
) -> None:
    (made,) = await file.apply(entry("Acme", EVENTS))
    faults = await file.faults(
        entry("New", EVENTS),
        entry("Bad", polled(pageSize="0", colour="blue"), "      event.pollr.x: 1\n"),
        "  - name: Worse\n    element: salesforce\n",
    )
    at = "instances[1].configuration"
    polling = f"{at}.event.poller.configuration.contacts"
    places = [tuple(fault.split(": ")[:2]) for fault in faults]
    assert sorted(places) == [
        ("line 22", f"{polling}.colour"),
        ("line 22", f"{polling}.pageSize"),
        ("line 23", f"{at}.event.pollr.x"),
        ("line 26", "instances[2].element"),
    ]
    assert list(await listed(api)) == ["Acme"]
    assert (await listed(api))["Acme"]["id"] == made


async def test_an_alteration_that_cannot_be_leaves_all_others_undone(
    file: File, api: Api, context: AdminContext
) -> None:
    await file.apply(entry("Acme", polled()), entry("Other", EVENTS))
    await context.database.execute(
        "update resources set cursor_at = now(), baseline_at = now(), state = 'active'"
    )
    faults = await file.faults(entry("Acme", polled(idField="Email")), entry("New", EVENTS))
    assert len(faults) == 1
    assert "instances[0].on_filter_change: cannot be keep" in faults[0]
    instances = await listed(api)
    assert sorted(instances) == ["Acme", "Other"]
    assert instances["Other"]["disabled"] is False


async def test_an_instance_without_credentials_waits_for_a_person(file: File, api: Api) -> None:
    (made,) = await file.apply(entry("Acme", EVENTS))
    body = {"providerData": {"code": "code-0"}}
    assert (await api.call("PATCH", f"/instances/{made}", body)).status == 200
    assert await file.apply(entry("Acme", EVENTS)) == []
    state = (await api.get(f"/instances/{made}/state")).json
    assert state["credentials"]["generation"] == 1
