"""The index must never change what a read shows: it is compared with the plain way."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.sandbox.catalogue import OBJECTS
from daemon.sandbox.clock import Clock
from daemon.sandbox.criteria import Criteria
from daemon.sandbox.dates import Frame, show
from daemon.sandbox.editor import Editor
from daemon.sandbox.faults import FAULTS
from daemon.sandbox.ordering import parse_order
from daemon.sandbox.profile import Profile
from daemon.sandbox.reading import Reading, Trouble
from daemon.sandbox.records import Record
from daemon.sandbox.store import Store
from daemon.sandbox.switchboard import Switchboard

BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
ENTRY = OBJECTS["abentry"]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["create", "edit", "delete", "restore"]),
        st.integers(0, 30),
        st.integers(0, 3),
    ),
    max_size=30,
)


class Without:
    """A store that is never settled, so that a read looks at every record."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def is_settled(self, *_: Any) -> bool:
        return False

    def records(self, object_name: str) -> Iterator[Record]:
        return self._store.records(object_name)


def play(steps: list[tuple[str, int, int]]) -> tuple[Store, Clock]:
    clock, store = Clock(frozen_at=BEGIN), Store()
    editor = Editor(store, Switchboard(FAULTS, Profile()), clock)
    records: list[Record] = []
    for action, which, seconds in steps:
        clock.advance(seconds)
        record = records[which % len(records)] if records else None
        if action == "create" or record is None:
            values: dict[str, Any] = {"Type": "Individual", "LastName": f"N{which}"}
            records.append(editor.create(ENTRY, values))
        elif record.latest.deleted:
            editor.restore(record)
        elif action == "delete":
            editor.delete(record)
        else:
            editor.edit(record, {"LastName": f"E{which}"})
    return store, clock


@settings(max_examples=150, deadline=None)
@given(
    steps=STEPS,
    low=st.integers(-1, 40),
    high=st.integers(-1, 60),
    descending=st.booleans(),
    second=st.sampled_from([None, "LastName", "Key"]),
    offset=st.integers(0, 5),
    operators=st.tuples(st.sampled_from(["$GE", "$GT", "$EQ"]), st.sampled_from(["$LE", "$LT"])),
)
def test_the_index_by_stamp_shows_the_same_rows_in_the_same_order(
    *,
    steps: list[tuple[str, int, int]],
    low: int,
    high: int,
    descending: bool,
    second: str | None,
    offset: int,
    operators: tuple[str, str],
) -> None:
    store, clock = play(steps)
    criteria = Criteria(
        object_type=ENTRY, frame=Frame.of("AbEntry", Profile(), clock.now()), sql_driver=True
    )
    fields = [{"LastModifyDate": "DESC" if descending else "ASC"}]
    if second:
        fields.append({second: "ASC"})
    query = {
        "$AND": [
            {"LastModifyDate": {operators[0]: show(BEGIN + timedelta(seconds=low))}},
            {"LastModifyDate": {operators[1]: show(BEGIN + timedelta(seconds=high))}},
        ]
    }
    pages = [
        Reading(
            store=way,  # type: ignore[arg-type]
            view=store.view("AbEntry", clock.now()),
            criteria=criteria,
            query=query,
            order=parse_order({"Fields": fields, "PageKey": None}, criteria),
            trouble=Trouble(),
        ).page(offset + 3)
        for way in (store, Without(store))
    ]
    assert pages[0] == pages[1]
