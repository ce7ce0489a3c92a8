"""The judge: what a callback was told of each object, against what really happened to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields

from bench.pitfalls.contender import Told
from daemon.sandbox.records import Record, Version, View

MARKER = "Department"
"""The field in which every edit tells one version of a contact from the next."""


@dataclass(slots=True, kw_only=True)
class Findings:
    """How often what went wrong.

    LOST: objects whose last version was never told. REPEATED: told again as if it were another
    change. DISORDERED: told after a later version. FALSE_DELETES: told as deleted and there.
    WRONG: created told as updated or the other way, or told although it did not happen since the
    watch began. SILENT: could not poll and did not say so.
    """

    lost: int = 0
    repeated: int = 0
    disordered: int = 0
    false_deletes: int = 0
    wrong: int = 0
    silent: int = 0
    details: list[str] = field(default_factory=list)

    def counts(self) -> Mapping[str, int]:
        """By name, in the order of the table."""
        return {name: getattr(self, name) for name in COUNTED}

    @property
    def is_clean(self) -> bool:
        return not any(self.counts().values())

    def add(self, name: str, detail: str) -> None:
        """Count one more of that name."""
        setattr(self, name, getattr(self, name) + 1)
        self.details.append(f"{name}: {detail}")


COUNTED = tuple(each.name for each in fields(Findings) if each.name != "details")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What really happened: records, what of them a read shows now, and the last change before the
    watch began. `deletes` says whether deletions were asked for.
    """

    records: Sequence[Record]
    view: View
    since: int
    deletes: bool

    def judge(self, told: Sequence[Told]) -> Findings:
        """Compare it with the messages in the order of their arrival."""
        findings, by_key = Findings(), _first_arrivals(told)
        for record in self.records:
            self._judge(record, by_key.pop(record.key.text(), []), findings)
        for key, messages in by_key.items():
            findings.add("wrong", f"{key} was told {len(messages)} times, and there is no such")
        return findings

    def _judge(self, record: Record, told: Sequence[Told], findings: Findings) -> None:
        follower = _Follower(record, self.since, findings)
        for message in told:
            follower.follow(message)
        last = max(
            (index for index, each in enumerate(record.versions) if self.view.shows(each)),
            default=-1,
        )
        expected = last >= 0 and (self.deletes or not record.versions[last].deleted)
        if expected and follower.reached < last:
            findings.add("lost", f"{record.name} is at version {last + 1}, not {follower.reached}")


class _Follower:
    """Follows one object's messages along its versions."""

    def __init__(self, record: Record, since: int, findings: Findings) -> None:
        before = [each for each in record.versions if each.change <= since]
        self.reached = self._baseline = len(before) - 1
        self._is_known = bool(before) and not before[-1].deleted
        self._record = record
        self._findings = findings
        self._matched: set[int] = set()

    def follow(self, message: Told) -> None:
        """The next message must be about a later version than the last one."""
        same = [i for i, each in enumerate(self._record.versions) if _is(each, message)]
        later = next((i for i in same if i > self.reached), None)
        if later is not None:
            self._check_kind(message)
            self._is_known = message.kind != "deleted"
            self.reached = later
            self._matched.add(later)
            return
        told = f"{self._record.name}: {message.kind} {message.record.get(MARKER)!r}"
        self._findings.add(self._fault(message, same), told)

    def _fault(self, message: Told, same: Sequence[int]) -> str:
        if self._matched.intersection(same):
            return "repeated"
        if message.kind == "deleted":
            return "false_deletes"
        return "disordered" if any(i > self._baseline for i in same) else "wrong"

    def _check_kind(self, message: Told) -> None:
        expected = "updated" if self._is_known else "created"
        if message.kind not in (expected, "deleted"):
            self._findings.add("wrong", f"{self._record.name} is told as {message.kind}")


def _is(version: Version, message: Told) -> bool:
    if version.deleted or message.kind == "deleted":
        return version.deleted and message.kind == "deleted"
    return version.fields.get(MARKER) == message.record.get(MARKER)


def _first_arrivals(told: Sequence[Told]) -> dict[str, list[Told]]:
    by_key: dict[str, list[Told]] = {}
    for message in _without_repeats(told):
        by_key.setdefault(message.key, []).append(message)
    return by_key


def _without_repeats(told: Sequence[Told]) -> Iterator[Told]:
    known: set[str] = set()
    for message in told:
        if message.event_id is None:
            yield message
        elif message.event_id not in known:
            known.add(message.event_id)
            yield message
