"""PURE: the findings of the doctor: one plain sentence each, with a mark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

from daemon.connectors.connector import Record
from daemon.connectors.facts import PagingFacts
from daemon.logs import excerpt
from daemon.polling.epoch import UnreadableDate
from daemon.polling.resource import RecordDate
from daemon.polling.verdict import Probe, ProbeKind, Verdict

LONGEST_VALUE = 60
LONGEST_LIST = 300


class Mark(StrEnum):
    """FINE: as it should be. NOTE: worth knowing, nothing to be done. WRONG: something is to be
    done, or changes may be told late or not at all."""

    FINE = "ok"
    NOTE = "note"
    WRONG = "WRONG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`about` is a resource, empty for the instance as a whole."""

    mark: Mark
    sentence: str
    about: str = ""

    def __str__(self) -> str:
        about = f"{self.about}: " if self.about else ""
        return f"{self.mark:<6}{about}{self.sentence}"


def of_dates(
    name: str, date: RecordDate, records: Sequence[Record], values: Sequence[Any], now: datetime
) -> Finding:
    """Whether a date of real records can be read as it is configured to be."""
    if not records:
        return Finding(mark=Mark.NOTE, about=name, sentence="There is no record to check dates by.")
    present = [value for value in values if value is not None and value != ""]
    if not present:
        sentence = f"None of the newest {len(records)} records has a {date.field}."
        return Finding(mark=Mark.WRONG, about=name, sentence=sentence)
    instants: list[datetime] = []
    for value in present:
        try:
            instants.append(date.parse(value, now))
        except UnreadableDate as error:
            sentence = f"{date.field}: {excerpt(str(error))}."
            return Finding(mark=Mark.WRONG, about=name, sentence=sentence)
    shown = excerpt(str(present[0]), LONGEST_VALUE)
    lacking = len(records) - len(present)
    return Finding(
        mark=Mark.NOTE if lacking else Mark.FINE,
        about=name,
        sentence=f"{date.field} can be read: {shown} is {instants[0]:%Y-%m-%d %H:%M:%S} UTC"
        + (f"; {lacking} of {len(records)} records have none." if lacking else "."),
    )


def of_ignored(name: str, fields: Sequence[str], records: Sequence[Record]) -> Iterator[Finding]:
    """Which of the fields to ignore real records do not have, so that nothing is ignored."""
    present = {field for record in records for field in record.raw}
    absent = [field for field in fields if field not in present] if records else []
    if absent:
        yield Finding(
            mark=Mark.NOTE,
            about=name,
            sentence=f"ignoreFields names {', '.join(absent)[:LONGEST_LIST]}, which none of the"
            f" newest {len(records)} records has; a field is named as it stands in a record.",
        )


def of_probe(name: str, probe: Probe) -> Finding:
    """What a probe found. What costs no change is no more than a note."""
    harmless = probe.kind is ProbeKind.STAMPS or probe.shift < timedelta(0)
    if probe.kind is ProbeKind.CLOCK:
        harmless = False
    marks = {
        Verdict.PROVED: Mark.FINE,
        Verdict.UNKNOWN: Mark.NOTE,
        Verdict.SHIFTED: Mark.NOTE if harmless else Mark.WRONG,
    }
    return Finding(mark=marks[probe.verdict], about=name, sentence=probe.detail)


def of_paging(name: str, facts: PagingFacts) -> Iterator[Finding]:
    """How pages come."""
    if facts.got > facts.asked:
        mark, sentence = Mark.WRONG, f"{facts.got} rows came for a page of {facts.asked}."
    elif facts.cut:
        mark = Mark.NOTE
        sentence = f"Pages of {facts.asked} are cut to {facts.got} rows, which are read on from."
    else:
        mark, sentence = Mark.FINE, f"A page of {facts.asked} came with {facts.got} rows."
    yield Finding(mark=mark, about=name, sentence=sentence)
    place = f"stood at {facts.key_place}" if facts.key_place else "had to be computed"
    if facts.follows is None:
        mark, sentence = Mark.NOTE, "There are too few records to see whether pages follow."
    elif facts.follows:
        mark, sentence = Mark.FINE, f"The next page goes on where the first ends; its key {place}."
    else:
        mark, sentence = Mark.WRONG, f"The next page does not follow the first; its key {place}."
    yield Finding(mark=mark, about=name, sentence=sentence)


def of_order(name: str, stamps: Sequence[datetime]) -> Finding:
    """Whether rows came in the order that was asked for."""
    early = sum(after < before for before, after in pairwise(stamps))
    if not early:
        sentence = "Records come in the order of their dates."
        return Finding(mark=Mark.FINE, about=name, sentence=sentence)
    return Finding(
        mark=Mark.NOTE,
        about=name,
        sentence=f"{early} of {len(stamps)} records come before their turn: everything is read"
        " twice, to be sure.",
    )


def of_budget(wanted: Mapping[str, float], allowed: float) -> Finding:
    """Whether the calls wanted in an hour, by purpose, are within what the account allows."""
    total = sum(wanted.values())
    purposes = ", ".join(f"{name} {round(calls)}" for name, calls in wanted.items() if calls)
    sentence = (
        f"About {round(total)} calls an hour are wanted ({purposes or 'none'}), of"
        f" {round(allowed)} that the account allows."
    )
    if total > allowed:
        return Finding(mark=Mark.WRONG, sentence=f"{sentence} Polls will be late.")
    if total > allowed / 2:
        return Finding(mark=Mark.NOTE, sentence=f"{sentence} Other users of it have the rest.")
    return Finding(mark=Mark.FINE, sentence=sentence)
