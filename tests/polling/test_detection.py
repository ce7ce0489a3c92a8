from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.instance import EventType
from daemon.polling.detection import Detected, Repeated, Rules, detect, fold
from daemon.polling.fingerprint import projection
from daemon.polling.sighting import Sighting
from daemon.polling.snapshot import FORGOTTEN, Snapshot
from daemon.polling.window import Marks

SECOND = timedelta(seconds=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROJECTION = projection(1, ["fields"], ["frame"])
OTHERS = {
    "version": projection(2, ["fields"], ["frame"]),
    "fields": projection(1, ["others"], ["frame"]),
    "frame": projection(1, ["fields"], ["other"]),
    "fields and frame": projection(1, ["others"], ["other"]),
    "version and frame": projection(2, ["fields"], ["other"]),
}
RULES = Rules(
    marks=Marks(cursor_at=NOON, baseline_at=NOON, known_from=NOON - timedelta(hours=1)),
    tolerance=10 * SECOND,
    projection=PROJECTION,
    polled_at=NOON,
)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def sighting(object_id: str = "a", stamp: float | None = 0, **changes: Any) -> Sighting:
    content = changes.pop("content", b"1")
    created = changes.pop("created", -60)
    fields: dict[str, Any] = {
        "object_id": object_id,
        "object_key": f"key of {object_id}",
        "stamp": None if stamp is None else at(stamp),
        "created": None if created is None else at(created),
        "content_hash": content,
        "raw": {"content": content},
        "digests": lambda: content,
        "changed_fields": lambda before: None if before is None else ("content",),
        "agrees": lambda before: before == content,
    }
    return Sighting(**(fields | changes))


def snapshot(object_id: str = "a", stamp: float | None = 0, **changes: Any) -> Snapshot:
    fields: dict[str, Any] = {
        "object_id": object_id,
        "object_key": f"key of {object_id}",
        "stamp": None if stamp is None else at(stamp),
        "content_hash": b"1",
        "digests": b"1",
        "revision": 3,
        "projection": PROJECTION,
    }
    return Snapshot(**(fields | changes))


def kinds(detected: Detected) -> list[EventType]:
    return [change.type for change in detected.changes]


def stored(detected: Detected) -> dict[str, Snapshot]:
    return {write.snapshot.object_id: write.snapshot for write in detected.writes}


SIGHTINGS = st.builds(
    sighting,
    object_id=st.sampled_from("abcdef"),
    stamp=st.none() | st.integers(-9, 9),
    created=st.none() | st.integers(-9, 9),
    content=st.sampled_from([b"1", b"2"]),
)
PAGES = st.lists(SIGHTINGS, max_size=12)


@given(PAGES)
def test_the_same_page_twice_gives_no_change(page: Sequence[Sighting]) -> None:
    folded = fold(page)
    first = detect(folded, {}, RULES)
    again = detect(folded, stored(first), RULES)
    assert (again.changes, again.writes, again.doubtful) == ([], [], [])
    assert again.suppressed == len(folded)


@given(st.data())
def test_any_order_of_the_page_gives_the_same_events(data: st.DataObject) -> None:
    page = data.draw(st.lists(SIGHTINGS, max_size=8, unique_by=lambda one: one.object_id))
    other = data.draw(st.permutations(page))
    known = {"a": snapshot("a", -1), "b": snapshot("b", -9, content_hash=b"2")}

    def told(order: Sequence[Sighting]) -> dict[str, Any]:
        detected = detect(fold(order), known, RULES)
        return {c.object_id: (c.type, c.revision, c.occurred_at) for c in detected.changes}

    assert told(page) == told(other)


@given(st.lists(PAGES, max_size=5), st.data())
def test_a_crash_between_any_two_pages_loses_and_repeats_nothing(
    pages: Sequence[Sequence[Sighting]], data: st.DataObject
) -> None:
    """A page that was committed may be read again, one that was not is."""

    def live(order: Sequence[int]) -> tuple[dict[str, Snapshot], set[tuple[str, int]]]:
        known: dict[str, Snapshot] = {}
        told: list[tuple[str, int]] = []
        for index in order:
            detected = detect(fold(pages[index]), known, RULES)
            known |= stored(detected)
            told += [(change.object_id, change.revision) for change in detected.changes]
        assert len(told) == len(set(told))
        return known, set(told)

    crashed: list[int] = []
    for index in range(len(pages)):
        crashed += [index] * (1 + data.draw(st.integers(0, 1)))
    assert live(crashed) == live(range(len(pages)))


@given(PAGES)
def test_every_event_raises_the_revision_of_its_object_by_one(page: Sequence[Sighting]) -> None:
    known = {"a": snapshot("a", -20), "b": snapshot("b", -20, deleted=True)}
    detected = detect(fold(page), known, RULES, confirmed=frozenset("ab"))
    for change in detected.changes:
        before = known[change.object_id].revision if change.object_id in known else 0
        assert change.revision == stored(detected)[change.object_id].revision == before + 1


@given(PAGES)
def test_a_folded_page_has_the_newest_version_of_each_object(page: Sequence[Sighting]) -> None:
    folded = fold(page)
    assert len({one.object_id for one in folded}) == len(folded)
    assert {one.object_id for one in folded} == {one.object_id for one in page}
    for one in folded:
        stamps = [each.stamp for each in page if each.object_id == one.object_id and each.stamp]
        assert one.stamp == max(stamps, default=None)


@pytest.mark.parametrize(
    ("created", "stamp", "marks", "kind"),
    [
        (0, 5, {}, EventType.CREATED),
        (0, 600, {}, EventType.CREATED),
        (-60, 5, {}, EventType.UPDATED),
        (-5, 5, {}, EventType.CREATED),
        (-6, 5, {}, EventType.UPDATED),
        (None, 5, {}, EventType.UPDATED),
        (None, 5, {"ids_complete": True}, EventType.CREATED),
        (-9000, -9000, {}, None),
        (None, -9000, {}, None),
        (-9000, -9000, {"known_from": None}, EventType.CREATED),
        (-9900, -9000, {"known_from": None}, EventType.UPDATED),
        (5, -9000, {}, EventType.CREATED),
    ],
    ids=[
        "created at the baseline",
        "created at the baseline and edited much later",
        "created before it",
        "edited within the tolerance",
        "edited after the tolerance",
        "nobody knows when it was created",
        "nobody knows, and all others are known",
        "below everything that was read",
        "below it, nobody knows when it was created",
        "old, when everything was read",
        "old and edited later, when everything was read",
        "created since, with a stamp of before",
    ],
)
def test_the_kind_of_an_unknown_object(
    created: float | None, stamp: float, marks: dict[str, Any], kind: EventType | None
) -> None:
    rules = replace(RULES, marks=replace(RULES.marks, **marks))
    detected = detect([sighting(stamp=stamp, created=created)], {}, rules)
    assert kinds(detected) == ([] if kind is None else [kind])
    assert stored(detected)["a"].revision == (kind is not None)


@pytest.mark.parametrize(
    ("stamp", "is_told"),
    [(60, True), (61, False), (-60, True), (-61, False)],
    ids=["just now", "later than now", "since it was set back", "before that"],
)
def test_an_old_object_stamped_in_a_time_that_repeats_itself_is_told_even_below_the_edge(
    *, stamp: float, is_told: bool
) -> None:
    edge_ahead = replace(RULES.marks, known_from=at(7200))
    repeated = Repeated(since=at(-60), until=at(60))
    rules = replace(RULES, marks=edge_ahead, repeated=repeated)
    detected = detect([sighting(stamp=stamp, created=-9000)], {}, rules)
    assert kinds(detected) == ([EventType.UPDATED] if is_told else [])


@pytest.mark.parametrize(
    ("stamp", "content", "changed"),
    [(0, b"1", False), (0, b"2", True), (1, b"1", True), (None, b"1", True)],
    ids=["the same", "another content", "another stamp", "no stamp any more"],
)
def test_a_known_object_is_updated_by_another_stamp_or_content(
    stamp: float | None, content: bytes, changed: bool
) -> None:
    detected = detect([sighting(stamp=stamp, content=content)], {"a": snapshot()}, RULES)
    assert kinds(detected) == [EventType.UPDATED] * changed
    assert [change.changed for change in detected.changes] == [("content",)] * changed


def test_an_older_stamp_is_no_change_until_the_object_itself_says_so() -> None:
    older = [sighting(stamp=-5, content=b"0")]
    doubted = detect(older, {"a": snapshot()}, RULES)
    assert (doubted.doubtful, doubted.changes) == (["a"], [])
    confirmed = detect(older, {"a": snapshot()}, RULES, confirmed=frozenset("a"))
    assert kinds(confirmed) == [EventType.UPDATED]


@pytest.mark.parametrize("stamp", [-5, 0, 5, None])
def test_what_was_told_as_deleted_is_back_only_when_it_was_read_by_id(
    stamp: float | None,
) -> None:
    tomb = {"a": snapshot(deleted=True)}
    seen = [sighting(stamp=stamp)]
    assert detect(seen, tomb, RULES).doubtful == ["a"]
    back = detect(seen, tomb, RULES, confirmed=frozenset("a"))
    assert kinds(back) == [EventType.CREATED]
    assert back.changes[0].changed is None
    assert not stored(back)["a"].deleted


def told_under(projection: int, **changes: Any) -> list[EventType]:
    """What a record tells whose snapshot was made with another projection."""
    seen, known = [sighting(**changes)], {"a": snapshot()}
    doubted = detect(seen, known, replace(RULES, projection=projection))
    if not doubted.doubtful:
        return kinds(doubted)
    rules = replace(RULES, projection=projection)
    return kinds(detect(seen, known, rules, confirmed=frozenset("a")))


@pytest.mark.parametrize("projection", OTHERS.values(), ids=OTHERS.keys())
def test_what_is_unchanged_is_stored_silently_under_another_projection(projection: int) -> None:
    rules = replace(RULES, projection=projection)
    seen = sighting(content_hash=b"made of other fields")
    seen = seen if projection != OTHERS["frame"] else sighting(stamp=7000)
    rewritten = detect([seen], {"a": snapshot()}, rules)
    assert (rewritten.changes, rewritten.doubtful, rewritten.suppressed) == ([], [], 1)
    after = stored(rewritten)["a"]
    assert (after.projection, after.revision) == (projection, 3)
    assert (after.content_hash, after.stamp) == (seen.content_hash, seen.stamp)
    again = detect([seen], stored(rewritten), rules)
    assert (again.changes, again.writes, again.suppressed) == ([], [], 1)


@pytest.mark.parametrize(
    ("projection", "stamp", "content", "told"),
    [
        ("frame", 7000, b"1", False),
        ("frame", -7000, b"1", False),
        ("frame", 0, b"2", True),
        ("fields", 5, b"1", True),
        ("fields", 0, b"2", True),
        ("version", 5, b"1", True),
        ("version", 0, b"2", False),
        ("fields and frame", 7000, b"1", False),
        ("fields and frame", 0, b"2", True),
        ("version and frame", 7000, b"2", False),
    ],
)
def test_snapshots_are_compared_as_far_as_they_mean_the_same(
    projection: str, stamp: float, content: bytes, told: bool
) -> None:
    changes = told_under(OTHERS[projection], stamp=stamp, content=content)
    assert changes == [EventType.UPDATED] * told


def test_a_difference_under_another_frame_is_no_change_until_the_object_itself_says_so() -> None:
    rules = replace(RULES, projection=OTHERS["frame"])
    detected = detect([sighting(stamp=7000, content=b"2")], {"a": snapshot()}, rules)
    assert (detected.doubtful, detected.changes) == (["a"], [])


@pytest.mark.parametrize("projection", [PROJECTION, *OTHERS.values()])
def test_an_object_whose_content_was_forgotten_is_told_again(projection: int) -> None:
    known = {"a": snapshot(content_hash=FORGOTTEN, digests=None)}
    rules = replace(RULES, projection=projection)
    detected = detect([sighting()], known, rules, confirmed=frozenset("a"))
    assert kinds(detected) == [EventType.UPDATED]
    assert detected.changes[0].revision == 4


def test_revisions_of_unknown_objects_go_on_above_those_that_were_dropped() -> None:
    rules = replace(RULES, revision_floor=7)
    told = detect([sighting(created=5, stamp=5)], {}, rules)
    assert told.changes[0].revision == 8
    silent = detect([sighting()], {}, replace(rules, silent=True))
    assert stored(silent)["a"].revision == 7
    assert silent.told_stamps == []


def test_where_only_created_objects_are_told_updates_are_stored_silently() -> None:
    rules = replace(RULES, only_created=True)
    page = [sighting("a", 5), sighting("b", 5), sighting("c", 5, created=5)]
    detected = detect(page, {"a": snapshot()}, rules)
    assert [(c.object_id, c.type) for c in detected.changes] == [("c", EventType.CREATED)]
    assert set(stored(detected)) == {"a", "b", "c"}


def test_a_baseline_tells_nothing_and_remembers_everything() -> None:
    rules = replace(RULES, silent=True)
    known = {"b": snapshot("b"), "c": snapshot("c", deleted=True)}
    page = [sighting("a"), sighting("b", 5), sighting("c", 5)]
    detected = detect(page, known, rules, confirmed=frozenset("c"))
    assert detected.changes == []
    assert {key: each.revision for key, each in stored(detected).items()} == {
        "a": 0,
        "b": 3,
        "c": 3,
    }


def test_only_what_a_backfill_meets_first_is_old_and_not_late() -> None:
    rules = replace(RULES, backfill_until=at(0))
    page = [sighting("a", 0), sighting("b", 1), sighting("c", None), sighting("d", -5)]
    known = {"d": snapshot("d", -9)}
    detected = detect(page, known, rules)
    assert {c.object_id: c.backfill for c in detected.changes} == {
        "a": True,
        "b": False,
        "c": True,
        "d": False,
    }
    assert list(detected.told_stamps) == [at(1), at(-5)]


def test_an_event_is_dated_by_the_stamp_else_the_creation_else_the_poll() -> None:
    page = [
        sighting("a", 5),
        sighting("b", None, created=4),
        sighting("c", None, created=None),
    ]
    dates = [change.occurred_at for change in detect(page, {}, RULES).changes]
    assert dates == [at(5), at(4), NOON]
