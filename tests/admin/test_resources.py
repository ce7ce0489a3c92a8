"""One polled resource in its owner's hands: polled, swept, rewound, paused, and told about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest_asyncio

from daemon.admin.context import AdminContext
from daemon.instance import InstanceId, InstanceState
from daemon.polling.lateness import Lateness
from daemon.polling.slow_pass import PassKind, Phase, SlowPass, listing_others
from daemon.polling.verdict import Probes, clock_probe, stamps_proved
from daemon.polling.work_json import work_as_json
from daemon.store.first_account import Credentials
from tests.admin.api import Api, Heard, polling_body_of

POLLING = "event.poller.configuration"
CURSOR = datetime(2026, 6, 2, 12, tzinfo=UTC)
BASELINE = datetime(2026, 6, 1, 12, tzinfo=UTC)
ENTRIES: dict[str, Any] = {POLLING: {"contacts": {"deletes": {"mode": "sweep"}}, "companies": {}}}


@pytest_asyncio.fixture
async def path(api: Api, context: AdminContext) -> str:
    """The address of a resource that has been polled for a day and is swept for deletes."""
    reply = await api.call("POST", "/instances", polling_body_of(**ENTRIES))
    assert reply.status == 200, reply.text
    await context.database.execute(
        "update resources set state = 'active', cursor_at = $1, baseline_at = $2, known_from = $2,"
        " next_poll_at = now() + interval '1 hour', next_sequence = 8, work = $3",
        CURSOR,
        BASELINE,
        work_as_json({PassKind.SWEEP: SlowPass(kind=PassKind.SWEEP, due_at=CURSOR)}),
    )
    return f"/instances/{reply.json['id']}/resources/contacts"


async def row_of(context: AdminContext, name: str = "contacts") -> dict[str, Any]:
    row = await context.database.fetchrow("select * from resources where name = $1", name)
    assert row is not None
    return dict(row)


def calls(path: str) -> list[tuple[str, str, Any]]:
    return [
        ("POST", f"{path}/poll", None),
        ("POST", f"{path}/rewind", {"to": BASELINE.isoformat()}),
        ("POST", f"{path}/sweep", None),
        ("PUT", f"{path}/enabled", None),
        ("DELETE", f"{path}/enabled", None),
    ]


async def test_every_call_answers_the_resources_state_and_fences_only_its_polls(
    api: Api, context: AdminContext, heard: Heard, path: str
) -> None:
    other = await row_of(context, "companies")
    for number, (method, address, body) in enumerate(calls(path), 1):
        before = await row_of(context)
        reply = await api.call(method, address, body)
        assert reply.status == 200, (address, reply.text)
        state = (await api.get(path.replace("/resources/contacts", "/state"))).json
        assert reply.json == state["resources"][0]
        assert (await row_of(context))["version"] > before["version"]
        assert len(heard.changed) == number
    assert await row_of(context, "companies") == other


async def test_a_poll_is_due_at_once_and_waited_for(
    api: Api, context: AdminContext, heard: Heard, path: str
) -> None:
    reply = await api.call("POST", f"{path}/poll")
    row = await row_of(context)
    assert row["next_poll_at"] is None
    assert heard.awaited == [(row["instance_id"], ("contacts",))]
    assert reply.json["cursor"] == "2026-06-02T12:00:00Z"


async def test_a_rewind_moves_the_cursor_back_and_never_on(
    api: Api, context: AdminContext, path: str
) -> None:
    to = "2026-06-01T23:00:00+11:00"
    reply = await api.call("POST", f"{path}/rewind", {"to": to, "resend": "true"})
    assert reply.status == 200, reply.text
    assert reply.json["cursor"] == "2026-06-01T12:00:00Z"
    forward = await api.call("POST", f"{path}/rewind", {"to": "2026-06-02T00:00:00Z"})
    assert (forward.status, list(forward.faults)) == (400, ["to"])
    assert "2026-06-01T12:00:00" in forward.faults["to"]
    assert (await row_of(context))["cursor_at"] == BASELINE


async def test_known_objects_are_told_again_only_if_that_is_asked_for(
    api: Api, context: AdminContext, path: str
) -> None:
    await context.database.execute(
        "insert into snapshots (resource_id, object_id, object_key, stamp_at, content_hash,"
        " revision, projection) select id, 'o', 'k', $1, 'hash', 3, 1 from resources"
        " where name = 'contacts'",
        CURSOR,
    )
    for resend, known in ((False, b"hash"), (True, b"")):
        body = {"to": "2026-06-02T00:00:00Z", "resend": resend}
        assert (await api.call("POST", f"{path}/rewind", body)).status == 200
        stored = await context.database.fetchval("select content_hash from snapshots")
        assert stored == known, resend


NONSENSE: list[tuple[str, dict[str, Any], str]] = [
    ("rewind", {}, "to"),
    ("rewind", {"to": None}, "to"),
    ("rewind", {"to": "yesterday"}, "to"),
    ("rewind", {"to": "2026-06-01T00:00:00"}, "to"),
    ("rewind", {"to": "0001-01-01T00:00:00Z"}, "to"),
    ("rewind", {"to": 1780000000}, "to"),
    ("rewind", {"to": "2026-06-01T00:00:00Z", "resend": "maybe"}, "resend"),
    ("rewind", {"to": "2026-06-01T00:00:00Z", "resend": 1}, "resend"),
    ("rewind", {"to": "2026-06-01T00:00:00Z", "since": 1}, "since"),
    ("sweep", {"confirm": "yes"}, "confirm"),
    ("sweep", {"confrim": True}, "confrim"),
]


async def test_a_body_without_sense_changes_nothing(
    api: Api, context: AdminContext, path: str
) -> None:
    before = await row_of(context)
    for call, body, field in NONSENSE:
        reply = await api.call("POST", f"{path}/{call}", body)
        assert (reply.status, list(reply.faults)) == (400, [field]), (call, body)
    assert await row_of(context) == before


async def test_a_sweep_begins_now_and_may_be_confirmed(
    api: Api, context: AdminContext, path: str
) -> None:
    for body, confirmed in ((None, False), ({"confirm": False}, False), ({"confirm": True}, True)):
        reply = await api.call("POST", f"{path}/sweep", body)
        assert reply.status == 200, reply.text
        (sweep,) = reply.json["slowPasses"]
        assert (sweep["kind"], sweep["confirmed"]) == ("sweep", confirmed)
        assert (await row_of(context))["work"]["sweep"]["due_at"] > CURSOR.isoformat()


async def test_a_resource_without_sweeps_is_not_swept(
    api: Api, context: AdminContext, path: str
) -> None:
    address = path.replace("contacts", "companies")
    reply = await api.call("POST", f"{address}/sweep", {"confirm": True})
    assert reply.status == 409
    assert "deletes.mode" in reply.json["message"]


async def test_a_paused_resource_rests_until_it_is_resumed(
    api: Api, context: AdminContext, path: str
) -> None:
    for _ in range(2):
        paused = await api.call("DELETE", f"{path}/enabled")
        assert (paused.json["state"], paused.json["nextPoll"]) == ("paused", None)
    for call in ("poll", "sweep"):
        reply = await api.call("POST", f"{path}/{call}")
        assert reply.status == 409
        assert "paused" in reply.json["message"]
    assert (await api.call("POST", f"{path}/rewind", {"to": BASELINE.isoformat()})).status == 200
    await api.call("PATCH", path.partition("/resources")[0], {"name": "Renamed"})
    assert (await row_of(context))["state"] == "paused"
    for _ in range(2):
        resumed = await api.call("PUT", f"{path}/enabled")
        assert (resumed.json["state"], resumed.json["cursor"]) == ("active", "2026-06-01T12:00:00Z")


async def test_resuming_waits_for_a_baseline_that_is_missing(
    api: Api, context: AdminContext, heard: Heard, path: str
) -> None:
    await context.database.execute(
        "update resources set state = 'paused', baseline_at = null, cursor_at = null, failures = 2"
        " where name = 'contacts'"
    )
    reply = await api.call("PUT", f"{path}/enabled")
    assert reply.json["state"] == "baseline pending"
    assert [names for _, names in heard.awaited] == [("contacts",)]


async def test_what_is_not_polled_cannot_be_polled_now(
    api: Api, context: AdminContext, path: str
) -> None:
    instance = path.partition("/resources")[0]
    instance_id = InstanceId(int(instance.rpartition("/")[2]))
    polls = [call for call in calls(path) if call[0] == "POST"]
    await api.call("DELETE", f"{instance}/enabled")
    for method, address, body in polls:
        assert (await api.call(method, address, body)).status == 403, address
    await api.call("PUT", f"{instance}/enabled")
    await context.instances.set_state(instance_id, InstanceState.NEEDS_REAUTH, "token refused")
    for method, address, body in polls:
        reply = await api.call(method, address, body)
        assert (reply.status, "credentials" in reply.json["message"]) == (409, True), address
    await context.database.execute("update instances set state = 'active'")
    await api.call("PATCH", instance, {"configuration": {POLLING: {"companies": {}}}})
    for method, address, body in calls(path):
        reply = await api.call(method, address, body)
        assert (reply.status, "no longer names" in reply.json["message"]) == (409, True), address


async def test_a_resource_before_its_baseline_has_no_cursor_to_move(
    api: Api, context: AdminContext, path: str
) -> None:
    await context.database.execute(
        "update resources set state = 'baseline_pending', cursor_at = null, baseline_at = null"
    )
    reply = await api.call("POST", f"{path}/rewind", {"to": BASELINE.isoformat()})
    assert reply.status == 409
    assert "cursor" in reply.json["message"]


async def test_unknown_and_foreign_resources_are_not_found(
    api: Api, foreign: Api, path: str
) -> None:
    for method, address, body in calls(path):
        assert (await foreign.call(method, address, body)).status == 404, address
        unknown = await api.call(method, address.replace("contacts", "invoices"), body)
        assert unknown.status == 404
        assert "invoices" in unknown.json["message"]


async def test_an_instances_token_is_enough(api: Api, credentials: Credentials, path: str) -> None:
    token = (await api.get(path.partition("/resources")[0])).json["token"]
    own = api.acting_for(credentials, token)
    reply = await own.call("DELETE", "/instances/resources/contacts/enabled")
    assert (reply.status, reply.json["state"]) == (200, "paused")


async def test_the_state_says_how_a_resource_is_doing(
    api: Api, context: AdminContext, path: str
) -> None:
    lateness = Lateness().observed([3.0] * 98 + [70.0] * 2, [100.0])
    await context.database.execute(
        "update resources set last_poll = $1, lateness = $2, missed = 4, utc_proved_at = $3,"
        " utc_skew_seconds = -1.5, probes = $4 where name = 'contacts'",
        {"seen": 9, "new": 2, "changed": 1, "suppressed": 6, "unidentified": 1, "pages": 1},
        lateness.as_json(),
        CURSOR,
        Probes().having(clock_probe(timedelta(seconds=-75.5), CURSOR)).as_json(),
    )
    state = (await api.get(path.replace("/resources/contacts", "/state"))).json
    contacts = state["resources"][0]
    assert contacts["rows"] == {
        "seen": 9,
        "new": 2,
        "changed": 1,
        "suppressed": 6,
        "unidentified": 1,
    }
    assert contacts["missed"] == state["missed"] == 4
    assert contacts["lateness"]["changes"] == 100
    assert contacts["lateness"]["p50Seconds"] == 4
    assert contacts["lateness"]["p99Seconds"] == 128
    assert "raise overlapSeconds from 120 to 256" in contacts["lateness"]["advice"]
    assert contacts["clock"]["utcProved"] == "2026-06-02T12:00:00Z"
    assert "76 s behind" in contacts["clock"]["message"]
    assert state["clockSkewSeconds"] == -75.5
    assert list(contacts["probes"]) == ["clock"]
    assert contacts["probes"]["clock"]["verdict"] == "shifted"
    companies = state["resources"][1]
    assert companies["rows"] is None
    assert companies["clock"]["skewSeconds"] is None
    assert "not proved" in companies["clock"]["message"]


async def test_the_state_says_in_which_zone_stamps_are_proved_to_be(
    api: Api, context: AdminContext, path: str
) -> None:
    proved = stamps_proved(ZoneInfo("America/Vancouver"), CURSOR)
    await context.database.execute(
        "update resources set utc_proved_at = $1, utc_skew_seconds = 0, probes = $2",
        CURSOR,
        Probes().having(proved).as_json(),
    )
    state = (await api.get(path.replace("/resources/contacts", "/state"))).json
    assert "local time of America/Vancouver" in state["resources"][0]["clock"]["message"]


PASSES: list[tuple[SlowPass, dict[str, Any]]] = [
    (
        SlowPass(
            kind=PassKind.BACKFILL,
            phase=Phase.LISTING,
            lower=BASELINE,
            until=CURSOR,
            anchor=BASELINE + timedelta(hours=6),
        ),
        {"progress": 0.25, "reached": "2026-06-01T18:00:00Z", "nextStart": None},
    ),
    (
        SlowPass(kind=PassKind.SWEEP, phase=Phase.LISTING, seen=1200),
        {"progress": None, "objectsSeen": 1200, "phase": "listing"},
    ),
    (
        SlowPass(kind=PassKind.SWEEP, phase=Phase.CONFIRMING),
        {"phase": "confirming", "progress": None},
    ),
    (
        SlowPass(kind=PassKind.RECONCILE, due_at=CURSOR),
        {"phase": "waiting", "nextStart": "2026-06-02T12:00:00Z"},
    ),
    (SlowPass(kind=PassKind.BACKFILL), {"nextStart": None, "message": "Has ended."}),
    (
        SlowPass(kind=PassKind.SWEEP, due_at=CURSOR, lists_others=True),
        {
            "message": "Begins at 2026-06-02T12:00:00Z. The filter was changed: what the next"
            " listing does not show is taken to have left it, and is told as deleted only if it is"
            " gone when read by its id."
        },
    ),
    (
        SlowPass(kind=PassKind.SWEEP, due_at=CURSOR, outside=12),
        {
            "message": "Begins at 2026-06-02T12:00:00Z. Objects outside of the filter: 12. They are"
            " there, and are read by their ids once in a while, so that their deletion is told too."
        },
    ),
]


async def test_the_state_says_how_far_a_slow_pass_is(
    api: Api, context: AdminContext, path: str
) -> None:
    for slow, expected in PASSES:
        work = work_as_json({slow.kind: slow})
        await context.database.execute("update resources set work = $1", work)
        state = (await api.get(path.replace("/resources/contacts", "/state"))).json
        (shown,) = state["resources"][0]["slowPasses"]
        assert shown["kind"] == slow.kind
        assert expected.items() <= shown.items(), slow
        assert shown["message"].endswith(".")


async def test_sweeps_that_are_off_do_not_show(api: Api, context: AdminContext, path: str) -> None:
    work = work_as_json(listing_others({}))
    await context.database.execute("update resources set work = $1", work)
    state = (await api.get(path.replace("/resources/contacts", "/state"))).json
    assert state["resources"][0]["slowPasses"] == []


async def test_a_brake_shows_as_the_last_error(api: Api, context: AdminContext, path: str) -> None:
    brake = "12 of 20 objects are gone at once."
    slow = SlowPass(kind=PassKind.SWEEP, due_at=CURSOR, brake=brake)
    await context.database.execute(
        "update resources set work = $1", work_as_json({slow.kind: slow})
    )
    state_path = path.replace("/resources/contacts", "/state")
    contacts = (await api.get(state_path)).json["resources"][0]
    assert contacts["lastError"] == contacts["slowPasses"][0]["brake"] == brake
    await context.database.execute("update resources set last_error = 'The provider is down.'")
    contacts = (await api.get(state_path)).json["resources"][0]
    assert contacts["lastError"] == "The provider is down."


async def test_the_events_entry_stands_for_the_default_resources(
    api: Api, context: AdminContext
) -> None:
    entry: dict[str, Any] = {
        "events": {"deletes": {"mode": "sweep"}, "overlapSeconds": 300},
        "companies": {},
    }
    polled: dict[str, Any] = {POLLING: entry}
    reply = await api.call("POST", "/instances", polling_body_of(**polled))
    assert reply.status == 200, reply.text
    assert set(reply.json["configuration"][POLLING]) == {"events", "companies"}
    rows = await context.database.fetch("select name, configuration from resources")
    sweeps = {row["name"]: row["configuration"]["deletes"]["mode"] for row in rows}
    assert sweeps == {
        "contacts": "sweep",
        "addressbook-entries": "sweep",
        "opportunities": "sweep",
        "companies": "off",
    }


async def test_all_that_is_wrong_with_a_rewind_or_a_redelivery_is_told_at_once(api: Api) -> None:
    made = (await api.call("POST", "/instances", polling_body_of())).json
    path = f"/instances/{made['id']}"
    body = {"to": "yesterday", "resend": "perhaps", "colour": 1}
    reply = await api.call("POST", f"{path}/resources/contacts/rewind", body)
    assert (reply.status, sorted(reply.faults)) == (400, ["colour", "resend", "to"])
    body = {"status": "lost", "dryRun": 1, "colour": 1}
    reply = await api.call("POST", f"{path}/redeliver", body)
    assert (reply.status, sorted(reply.faults)) == (400, ["colour", "dryRun", "status"])
