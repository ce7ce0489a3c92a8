from __future__ import annotations

import itertools
from types import MappingProxyType

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.instance import EventType, NotificationId
from daemon.notifications.compose import CONTENT_TYPES, RENDERERS, compose
from daemon.notifications.context import NotificationFormat
from tests.notifications.samples import make_change, make_context, numbers

formats = st.sampled_from(list(NotificationFormat))


@st.composite
def pages(draw: st.DrawFn) -> tuple[list[str], dict[str, NotificationId]]:
    """Object ids of a page, and which of them have an unfinished notification."""
    ids = draw(st.lists(st.text("abc123", min_size=1), unique=True, max_size=40))
    blocked = draw(st.sets(st.sampled_from(ids))) if ids else set()
    return ids, {key: NotificationId(number) for number, key in enumerate(sorted(blocked), 1)}


@given(pages(), formats, st.integers(1, 10**12))
def test_every_change_is_told_once_in_order_without_a_gap_in_sequence(
    page: tuple[list[str], dict[str, NotificationId]], form: NotificationFormat, first: int
) -> None:
    ids, predecessors = page
    changes = [make_change(object_id) for object_id in ids]

    drafts = compose(
        make_context(format=form),
        changes,
        first_sequence=first,
        predecessors=predecessors,
        ids=numbers(),
    )

    told = sorted((e for draft in drafts for e in draft.events), key=lambda event: event.sequence)
    assert [event.object_id for event in told] == ids
    assert [event.sequence for event in told] == list(range(first, first + len(ids)))
    for draft in drafts:
        sequences = [event.sequence for event in draft.events]
        assert sequences == sorted(sequences)
    assert [draft.id for draft in drafts] == list(itertools.islice(numbers(), len(drafts)))
    assert [d.events[0].sequence for d in drafts] == sorted(d.events[0].sequence for d in drafts)


@given(pages(), formats)
def test_a_change_with_a_predecessor_waits_alone_and_free_ones_travel_by_ten(
    page: tuple[list[str], dict[str, NotificationId]], form: NotificationFormat
) -> None:
    ids, predecessors = page
    changes = [make_change(object_id) for object_id in ids]

    drafts = compose(
        make_context(format=form),
        changes,
        first_sequence=1,
        predecessors=predecessors,
        ids=numbers(),
    )

    waiting = [draft for draft in drafts if draft.waits_for is not None]
    free = [draft for draft in drafts if draft.waits_for is None]
    assert {d.events[0].object_id: d.waits_for for d in waiting} == predecessors
    assert all(len(draft.events) == 1 for draft in waiting)
    size = 1 if form is NotificationFormat.STANDARD else 10
    expected = -(-(len(ids) - len(predecessors)) // size)
    assert len(free) == expected
    assert all(len(draft.events) == size for draft in free[:-1])


def test_event_ids_depend_on_object_and_revision_and_on_nothing_else() -> None:
    def ids_of(revision: int, object_id: str = "1", **changed: object) -> str:
        change = make_change(object_id, revision=revision, **changed)
        (draft,) = compose(
            make_context(), [change], first_sequence=7, predecessors={}, ids=numbers(9)
        )
        return draft.events[0].event_id

    assert ids_of(1) == ids_of(1, raw={"other": 1}, type=EventType.UPDATED)
    assert len({ids_of(1), ids_of(2), ids_of(1, "2"), ids_of(11), ids_of(1, "11")}) == 5
    assert len(ids_of(1)) == 20


def test_two_notifications_never_share_a_name() -> None:
    drafts = compose(
        make_context(),
        [make_change(str(number)) for number in range(95)],
        first_sequence=1,
        predecessors={},
        ids=numbers(),
    )

    names = {draft.event_id for draft in drafts}
    assert len(names) == len(drafts) == 10
    assert all(len(name) == 20 for name in names)


@pytest.mark.parametrize("form", list(NotificationFormat))
@pytest.mark.parametrize(
    "poison",
    [
        pytest.param({"text": "lone \ud800 surrogate"}, id="lone surrogate"),
        pytest.param({"number": 10**30}, id="number beyond 64 bits"),
        pytest.param({"odd": object()}, id="no JSON at all"),
    ],
)
def test_a_record_that_json_cannot_carry_is_left_out_and_its_event_told(
    poison: dict[str, object], form: NotificationFormat
) -> None:
    changes = [make_change("1"), make_change("2", raw=poison), make_change("3")]

    drafts = compose(
        make_context(format=form), changes, first_sequence=1, predecessors={}, ids=numbers()
    )

    told = b"".join(draft.body for draft in drafts)
    assert told.count(b"eventType") == 3
    assert told.count(b"lastModifiedDate") == 2


def test_records_may_be_any_mapping() -> None:
    raw = MappingProxyType({"id": 1, "deep": MappingProxyType({"a": 2})})

    (draft,) = compose(
        make_context(drop_nulls=False),
        [make_change(raw=raw)],
        first_sequence=1,
        predecessors={},
        ids=numbers(),
    )

    assert orjson.loads(draft.body)["message"]["raw"]["invoices"] == [{"id": 1, "deep": {"a": 2}}]


def test_a_body_above_the_cap_is_split_until_its_parts_fit() -> None:
    changes = [make_change(str(number), raw={"text": "x" * 1000}) for number in range(10)]

    drafts = compose(
        make_context(max_body_bytes=5000),
        changes,
        first_sequence=1,
        predecessors={},
        ids=numbers(),
    )

    assert all(len(draft.body) <= 5000 for draft in drafts)
    assert [event.sequence for draft in drafts for event in draft.events] == list(range(1, 11))
    assert [draft.id for draft in drafts] == list(itertools.islice(numbers(), len(drafts)))
    assert [orjson.loads(draft.body)["id"] for draft in drafts] == [str(d.id) for d in drafts]


def test_a_single_record_above_the_cap_stays_behind_and_its_event_tells_where_to_fetch_it() -> None:
    changes = [make_change("1"), make_change("a/2=", raw={"text": "x" * 9000})]

    first, second = compose(
        make_context(max_body_bytes=5000, hub_path="/hubs/erp/invoices"),
        changes,
        first_sequence=1,
        predecessors={},
        ids=numbers(),
    )

    assert len(orjson.loads(first.body)["message"]["raw"]["invoices"]) == 1
    thin = orjson.loads(second.body)["message"]
    assert (thin["raw"]["invoices"], thin["events"][0]["objectId"]) == ([], "a/2=")
    assert thin["events"][0]["recordUrl"] == "/hubs/erp/invoices/a%2F2%3D"
    assert "recordUrl" not in orjson.loads(first.body)["message"]["events"][0]


def test_the_first_attempt_waits_as_long_as_the_schedule_says() -> None:
    context = make_context(first_wait_seconds=30.0)

    (draft,) = compose(context, [make_change()], first_sequence=1, predecessors={}, ids=numbers())

    assert (draft.due_at - context.created_at).total_seconds() == 30.0


def test_every_format_has_a_renderer_and_a_content_type() -> None:
    assert set(RENDERERS) == set(CONTENT_TYPES) == set(NotificationFormat)
