"""Probes of stamps, literals and clocks, at a source that can be seen through and end to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from daemon.polling.probe import Observation, Prober
from daemon.polling.provider_clock import ProviderClock
from daemon.polling.sighting import Sighting
from daemon.polling.source import KnownPage, Reading
from daemon.polling.verdict import BEYOND_ALL, SET_BACK, Probe, ProbeKind, Probes, Verdict
from daemon.polling.window import Margins, Marks, Proof, Row
from daemon.store.database import Database
from daemon.store.resources import load_progress
from tests.polling.watching import NOON, watching

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MARGINS = Margins(
    overlap=timedelta(minutes=2),
    poll_delay=timedelta(0),
    settle_lag=timedelta(0),
    granularity=SECOND,
    zone_configured=False,
)


@dataclass
class Shelf:
    """A source of stamps whose literals mean a time that is `shift` later."""

    stamps: list[datetime]
    shift: timedelta = timedelta(0)
    skew: timedelta | None = timedelta(0)
    searches_by_stamp: bool = True
    asked: int = 0
    deletes_newest: bool = False
    finds: bool = True
    _gone: list[datetime] = field(default_factory=list)

    async def newest(self, before: datetime | None = None) -> Reading:
        reading = self.reading(sorted(self.stamps, reverse=True)[:1])
        if self.deletes_newest and self.stamps:
            self.deletes_newest = False
            self.stamps.remove(max(self.stamps))
        return reading

    async def page(
        self,
        bound: datetime | None,
        page_key: str | None,
        *,
        background: bool = False,
        known: KnownPage | None = None,
    ) -> Reading:
        self.asked += 1
        assert bound is not None
        found = [stamp for stamp in self.stamps if stamp >= bound + self.shift and self.finds]
        return self.reading(sorted(found)[:3])

    async def is_empty(self) -> bool:
        return not self.stamps

    async def one(self, object_key: str, *, background: bool = False) -> Sighting | None:
        return None

    async def some(
        self, object_keys: Sequence[str], *, background: bool = False
    ) -> Sequence[Sighting]:
        return ()

    def reading(self, stamps: Sequence[datetime]) -> Reading:
        return Reading(
            rows=[Row(identity=str(stamp), stamp=stamp) for stamp in stamps],
            sightings=(),
            next_key=None,
            complete=True,
            provider_time=NOW,
            clock_skew=self.skew,
        )


def days_ago(*days: float) -> list[datetime]:
    return [NOW - timedelta(days=each) for each in days]


async def probed(
    shelf: Shelf, margins: Margins = MARGINS, before: Probes | None = None, **marks: Any
) -> Probes:
    prober = Prober(shelf, margins, lambda: NOW)
    return await prober.probe(before or Probes(), 1, Marks(**marks))


def literal_of(probes: Probes) -> Probe:
    probe = probes.find(ProbeKind.LITERAL)
    assert probe is not None
    return probe


def stamps_of(probes: Probes) -> Probe:
    probe = probes.find(ProbeKind.STAMPS)
    assert probe is not None
    return probe


async def test_a_literal_that_finds_the_newest_record_and_no_earlier_one_is_proved() -> None:
    shelf = Shelf(stamps=days_ago(1, 2, 3))
    assert literal_of(await probed(shelf)).verdict is Verdict.PROVED
    assert shelf.asked == 2


@pytest.mark.parametrize(
    ("hours", "found"),
    [(0.25, 0.25), (1, 1), (5.75, 5.75), (7, 7), (14, 14), (21, 21), (26, 26), (0.3, 0.5)],
    ids=str,
)
async def test_a_literal_taken_for_a_later_one_is_measured(hours: float, found: float) -> None:
    shelf = Shelf(stamps=days_ago(2, 3), shift=hours * HOUR)
    probe = literal_of(await probed(shelf))
    assert (probe.verdict, probe.shift) == (Verdict.SHIFTED, found * HOUR)
    assert f"{found:g} h later" in probe.detail
    assert shelf.asked < 12


async def test_a_literal_taken_for_an_earlier_one_only_reads_more() -> None:
    shelf = Shelf(stamps=[NOW - HOUR * hour for hour in range(30)], shift=-8 * HOUR)
    probes = await probed(shelf)
    assert literal_of(probes).verdict is Verdict.SHIFTED
    assert literal_of(probes).shift < timedelta(0)
    assert probes.widening == timedelta(0)


async def test_a_search_that_finds_nothing_at_all_is_given_up() -> None:
    probes = await probed(Shelf(stamps=days_ago(2), finds=False))
    assert literal_of(probes).shift == BEYOND_ALL
    assert not probes.literals_find


async def test_an_empty_resource_proves_nothing() -> None:
    probes = await probed(Shelf(stamps=[]))
    assert literal_of(probes).verdict is Verdict.UNKNOWN
    assert stamps_of(probes).verdict is Verdict.UNKNOWN


async def test_a_record_deleted_in_between_is_no_shift() -> None:
    shelf = Shelf(stamps=days_ago(1, 2), deletes_newest=True)
    assert literal_of(await probed(shelf)).verdict is Verdict.PROVED


async def test_where_nothing_is_searched_by_date_no_date_is_tried() -> None:
    shelf = Shelf(stamps=days_ago(1), searches_by_stamp=False)
    assert literal_of(await probed(shelf)).verdict is Verdict.PROVED
    assert shelf.asked == 0


async def test_an_idle_resource_is_unknown_and_never_fine() -> None:
    assert stamps_of(await probed(Shelf(stamps=days_ago(1)))).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("margins", "verdict", "words"),
    [
        (MARGINS, Verdict.PROVED, "UTC"),
        (replace(MARGINS, zone=ZoneInfo("Europe/Berlin")), Verdict.PROVED, "Europe/Berlin"),
        (replace(MARGINS, provable=False), Verdict.UNKNOWN, "bare offset"),
    ],
    ids=["UTC", "a zone", "a bare offset"],
)
async def test_stamps_are_proved_by_what_changed_but_never_by_a_bare_offset(
    margins: Margins, verdict: Verdict, words: str
) -> None:
    proof = Proof(proved_at=NOW - HOUR, skew=timedelta(0))
    probe = stamps_of(await probed(Shelf(stamps=days_ago(1)), margins, utc=proof))
    assert probe.verdict is verdict
    assert words in probe.detail


async def test_a_proof_of_yesterday_is_none() -> None:
    proof = Proof(proved_at=NOW - 25 * HOUR, skew=timedelta(0))
    probe = stamps_of(await probed(Shelf(stamps=days_ago(1)), utc=proof))
    assert probe.verdict is Verdict.UNKNOWN


async def test_a_provider_that_does_not_tell_the_time_has_no_verdict_on_its_clock() -> None:
    probes = await probed(Shelf(stamps=days_ago(1), skew=None))
    assert probes.find(ProbeKind.CLOCK) is None


def seen(*ages: float, shift: timedelta = timedelta(0), skew: float = 0) -> Observation:
    return Observation(
        first_seen=[NOW - timedelta(seconds=age) + shift for age in ages],
        previous=NOW - timedelta(minutes=5),
        walked_at=NOW,
        clock_skew=timedelta(seconds=skew),
    )


async def test_what_changed_just_now_tells_local_time_from_utc() -> None:
    prober = Prober(Shelf(stamps=days_ago(1)), MARGINS, lambda: NOW)
    before = await prober.probe(Probes(), 1, Marks())
    local = prober.observe(before, seen(10, 20, shift=-7 * HOUR), Marks())
    assert stamps_of(local).verdict is Verdict.SHIFTED
    assert "UTC-07:00" in stamps_of(local).detail
    assert prober.observe(local, seen(30, shift=-7 * HOUR), Marks()) == local
    proof = Proof(proved_at=NOW + SECOND, skew=timedelta(0))
    proved = prober.observe(before, seen(10), Marks(utc=proof))
    assert stamps_of(proved).verdict is Verdict.PROVED
    assert prober.observe(proved, seen(10), Marks(utc=proof)) == proved


async def test_clocks_that_drift_apart_are_told_once() -> None:
    prober = Prober(Shelf(stamps=days_ago(1)), MARGINS, lambda: NOW)
    probes = await prober.probe(Probes(), 1, Marks())
    with capture_logs() as logs:
        for _ in range(3):
            probes = prober.observe(probes, seen(skew=3600), Marks())
        probes = prober.observe(probes, seen(skew=0), Marks())
    assert [entry["event"] for entry in logs] == ["probe.shifted", "probe.recovered"]
    assert "3600 s ahead" in logs[0]["reason"]
    assert logs[0]["log_level"] == "warning"


async def test_a_clock_that_was_set_back_is_told_in_words_until_it_has_caught_up() -> None:
    prober = Prober(Shelf(stamps=days_ago(1)), MARGINS, lambda: NOW)
    probes = await prober.probe(Probes(), 1, Marks())
    ahead = ProviderClock(
        skew=timedelta(0), shown_at=NOW, highest_at=NOW + 2 * HOUR, set_back_to=NOW - HOUR
    )
    back = prober.observe(probes, seen(), Marks(clock=ahead))
    probe = back.find(ProbeKind.CLOCK)
    assert probe is not None
    assert (probe.verdict, probe.detail.endswith(SET_BACK)) == (Verdict.SHIFTED, True)
    assert prober.observe(back, seen(), Marks(clock=ahead)) == back
    caught_up = prober.observe(back, seen(), Marks(clock=replace(ahead, highest_at=NOW)))
    probe = caught_up.find(ProbeKind.CLOCK)
    assert probe is not None
    assert probe.verdict is Verdict.PROVED


VANCOUVER = {
    "stamp_zones": {"AbEntry": "America/Vancouver"},
    "query_zones": {"AbEntry": "America/Vancouver"},
}
LOCAL = {
    "updatedDateField": "LastModifyDate",
    "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
    "updatedDateTimezone": "America/Vancouver",
}


async def test_verdicts_are_made_before_the_baseline_and_kept_with_the_outcome(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(database, monkeypatch, "addressbook-entries") as watched:
        await watched.crm.contact("Doe")
        watched.clock.advance(3600)
        watch = await watched.opened()
        calls = len(await watched.requests())
        await watched.poll()
        assert literal_of(watch.journal.progress.probes).verdict is Verdict.PROVED
        assert literal_of(watch.journal.progress.probes).at < watch.journal.polled_at
        assert calls == 5  # the schema, the newest record, two literals, whether pages are cut


async def test_a_zone_configured_for_stamps_widens_until_literals_are_written_in_it_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stamps are read in their zone, but the default filter writes UTC: seven hours too late."""
    async with watching(
        database,
        monkeypatch,
        "addressbook-entries",
        switches={"stamp_zones": {"AbEntry": "America/Vancouver"}},
        datesConfiguration=LOCAL,
    ) as watched:
        old = await watched.crm.contact("Doe")
        watched.clock.advance(86_400)
        await watched.poll()
        watch = await watched.opened()
        assert watch.journal.progress.probes.widening == 8 * HOUR
        await watched.crm.edit(old, LastName="Roe")
        new = await watched.crm.contact("New")
        await watched.poll(60)
        assert sorted(await watched.told()) == [("CREATED", new["key"]), ("UPDATED", old["key"])]


async def test_stamps_and_literals_in_one_configured_zone_are_proved(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = (
        "/hubs/crm/addressbook-entries?where=LastModifyDate>"
        "'${dateTimeZone:America/Vancouver:yyyy-MM-dd'T'HH:mm:ss}'"
    )
    async with watching(
        database,
        monkeypatch,
        "addressbook-entries",
        switches={"stamp_zones": {"AbEntry": "America/Vancouver"}},
        url=url,
        datesConfiguration=LOCAL,
    ) as watched:
        await watched.crm.contact("Doe")
        watched.clock.advance(86_400)
        await watched.poll()
        for number in range(3):
            new = await watched.crm.contact(f"New {number}")
            await watched.poll(60)
            assert await watched.told() == [("CREATED", new["key"])]
        probes = (await watched.opened()).journal.progress.probes
        assert literal_of(probes).verdict is Verdict.PROVED
        assert stamps_of(probes).verdict is Verdict.PROVED
        assert "America/Vancouver" in stamps_of(probes).detail
        assert probes.widening == timedelta(0)


async def test_probes_are_made_anew_after_clocks_of_a_configured_zone_were_set(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve = datetime(2026, 11, 1, 7, 30, tzinfo=UTC)
    async with watching(
        database,
        monkeypatch,
        "addressbook-entries",
        at=eve,
        switches={"stamp_zones": {"AbEntry": "America/Vancouver"}},
        datesConfiguration=LOCAL,
    ) as watched:
        await watched.crm.contact("Doe")
        await watched.poll()
        before = literal_of((await watched.opened()).journal.progress.probes)
        await watched.poll(2 * 3600)
        after = literal_of((await watched.opened()).journal.progress.probes)
        assert after.at - before.at > HOUR
        assert before.shift == after.shift == 7 * HOUR  # nothing has been stamped in winter yet
        for number in range(3):
            new = await watched.crm.contact(f"New {number}")
            await watched.poll(900)
            assert await watched.told() == [("CREATED", new["key"])]


async def test_the_first_record_of_an_empty_resource_is_probed_before_the_next_poll(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    switches = {"stamp_zones": {"Lead": "Asia/Tokyo"}, "query_zones": {"Lead": "UTC"}}
    async with watching(database, monkeypatch, "leads", switches=switches) as watched:
        await watched.poll()
        assert literal_of((await watched.opened()).journal.progress.probes).verdict == "unknown"
        first = await watched.crm.add("leads", {"LastName": "First"})
        await watched.poll(60)
        second = await watched.crm.add("leads", {"LastName": "Second"})
        await watched.poll(60)
        told = await watched.told()
        assert told == [("CREATED", first["key"]), ("CREATED", second["key"])]
        assert (await watched.opened()).journal.progress.probes.widening == 10 * HOUR


async def test_a_search_by_date_that_finds_nothing_is_replaced_by_reading_the_newest(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = "/hubs/crm/addressbook-entries?where=LastContactDate>'${date:yyyy-MM-dd'T'HH:mm:ss}'"
    async with watching(database, monkeypatch, "addressbook-entries", url=where) as watched:
        old = await watched.crm.contact("Doe")
        await watched.poll()
        await watched.crm.edit(old, LastName="Roe")
        new = await watched.crm.contact("New")
        await watched.poll(60)
        assert sorted(await watched.told()) == [("CREATED", new["key"]), ("UPDATED", old["key"])]


async def test_skew_between_the_clocks_is_a_verdict_and_loses_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(
        database, monkeypatch, "addressbook-entries", switches={"date_skew_seconds": 90}
    ) as watched:
        await watched.crm.contact("Doe")
        await watched.poll()
        clock = (await watched.opened()).journal.progress.probes.find(ProbeKind.CLOCK)
        assert clock is not None
        assert (clock.verdict, round(clock.shift.total_seconds())) == (Verdict.SHIFTED, 90)
        new = await watched.crm.contact("New")
        await watched.poll(60)
        assert await watched.told() == [("CREATED", new["key"])]


@pytest.mark.parametrize("hours", [-1, 1])
async def test_our_clock_an_hour_wrong_loses_and_repeats_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    async with watching(database, monkeypatch, "addressbook-entries") as watched:
        await watched.crm.contact("Doe")
        await watched.poll()
        for number in range(6):
            watched.our_error = timedelta(hours=hours if number in (2, 3) else 0)
            new = await watched.crm.contact(f"New {number}")
            await watched.poll(60)
            assert await watched.told() == [("CREATED", new["key"])]


async def test_verdicts_outlive_a_restart(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(database, monkeypatch, "addressbook-entries") as watched:
        await watched.crm.contact("Doe")
        watched.clock.set(NOON + timedelta(days=1))
        await watched.poll()
        probes = (await watched.opened()).journal.progress.probes
        await database.execute(
            "update resources set probes = $1 where id = $2",
            probes.as_json(),
            watched.target.resource_id,
        )
        progress = await load_progress(database, watched.target.resource_id)
        assert progress.probes == probes
        before = len(await watched.requests())
        watched.forget()
        await watched.opened()
        assert len(await watched.requests()) == before  # the schema is remembered as well
