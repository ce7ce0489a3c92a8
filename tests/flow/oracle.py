"""The oracle: what a receiver was told of each object, against what really happened to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from tests.flow.standins import Provider, Receiver

HOLDS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "contacts": ("contacts",),
        "companies": ("companies",),
        "addressbook-entries": ("contacts", "companies", "individuals"),
        "opportunities": ("opportunities",),
        "cases": ("cases",),
        "appointments": ("appointments",),
        "campaigns": ("campaigns",),
    }
)
"""Which of the stand-in's records belong to which polled resource."""

MARKERS: Mapping[str, str] = MappingProxyType(
    {
        "AbEntry": "Department",
        "Opportunity": "NextAction",
        "Case": "Description",
        "Appointment": "Description",
        "Campaign": "Description",
    }
)
"""The fields that tell one version of a record from the next."""


Told = Sequence[Mapping[str, Any]]
"""The first arrivals of an object's events, in the order they came."""


@dataclass(slots=True)
class Findings:
    """`missing` may still come; `wrong` can never be made good.

    `told` are those of the `versions` that gave an event of their own.
    """

    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    versions: int = 0
    told: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """Judges what an instance's receiver was told of all changes since its baseline.

    `since` counts the changes that were made before it, `baseline_at` is a stamp that none of them
    is above. `resources` are those polled; deletions are told of those `swept`, and of those
    `resent` and of the `spoilt` records (such as `contacts/3`) a version may be told again, as of
    those `reidentified`, which may also come under other ids for a while.
    """

    provider: Provider
    receiver: Receiver
    instance: int
    since: int
    baseline_at: str = ""
    resources: Sequence[str] = ("contacts", "companies", "addressbook-entries", "opportunities")
    swept: Collection[str] = ()
    resent: Collection[str] = ()
    spoilt: Collection[str] = ()
    reidentified: Collection[str] = ()

    async def missing(self) -> Sequence[str]:
        """Complaints as long as the last visible version of some object has not arrived."""
        return (await self.judge()).missing

    async def judge(self) -> Findings:
        """Everything that is missing or wrong now."""
        fields = tuple(dict.fromkeys(MARKERS.values()))
        history = (await self.provider.history(fields, after=self.since))["objects"]
        told = await self.receiver.objects(self.instance, fields)
        arrivals = {(each["objectType"], each["objectId"]): each["arrivals"] for each in told}
        findings = Findings()
        for resource in self.resources:
            for true in history:
                if true["resource"] in HOLDS[resource]:
                    came = arrivals.pop((resource, true["key"]), [])
                    self._judge(findings, Life(resource=resource, true=true, came=came))
        for key, came in arrivals.items():
            if key[0] in self.reidentified:
                continue
            findings.wrong.append(f"{key} was told, and nothing happened to it: {came}")
        findings.wrong += _told_twice(told)
        return findings

    def _judge(self, findings: Findings, life: Life) -> None:
        resent = (*self.resent, *self.reidentified)
        again = life.resource in resent or life.record in self.spoilt
        told = life.told(again=again)
        if 0 in told:
            findings.wrong.append(f"{life}: {told} came, where 0 is no version; {life.story()}")
        findings.wrong += self._wrong_kinds(life)
        if missing := self._missing(life, told):
            findings.missing.append(f"{life}: {missing}, but {told} came; {life.story()}")
        findings.versions += sum(each["change"] > self.since for each in life.versions)
        findings.told += len({*told} - {0})

    def _wrong_kinds(self, life: Life) -> Iterator[str]:
        before: str | None = None
        for position, kind in enumerate(life.kinds, start=1):
            if not self._may_come(kind, before, life):
                yield f"{life}: event {position} is of a wrong kind; {life.story()}"
            before = kind

    def _may_come(self, kind: str, before: str | None, life: Life) -> bool:
        """Created once; again only after it was deleted, which only sweeps can tell."""
        if kind == "DELETED":
            return life.resource in self.swept and before != "DELETED"
        if before == "DELETED":
            return kind == "CREATED"
        is_new = life.versions[0]["change"] > self.since
        if before is not None or not is_new:
            return kind == "UPDATED"
        return kind == "CREATED" or life.true["created"] < self.baseline_at

    def _missing(self, life: Life, told: Sequence[int]) -> str | None:
        last = life.versions[-1]
        if not last["deleted"]:
            arrived = bool(told) and life.is_same(last, life.came[-1])
            return None if arrived else f"version {last['version']} has not come"
        was_known = bool(told) or life.versions[0]["change"] <= self.since
        if life.resource not in self.swept or not was_known:
            return None
        return None if life.kinds[-1:] == ["DELETED"] else "its deletion has not come"

    async def report(self) -> Mapping[str, Any]:
        """The receiver's own report, after it was checked for gaps, conflicts and forgeries."""
        report = await self.receiver.report()
        assert report["unverified"] == 0, report["problems"]
        assert report["unreadable"] == 0
        assert report["disordered"] == []
        for stream in report["streams"]:
            assert (stream["gaps"], stream["conflicts"]) == ([], []), stream
        return report


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One object in one resource: what truly happened to it, and what came of it."""

    resource: str
    true: Mapping[str, Any]
    came: Told

    def __str__(self) -> str:
        return f"{self.resource} {self.true['id']}"

    @property
    def record(self) -> str:
        return f"{self.true['resource']}/{self.true['id']}"

    @property
    def versions(self) -> Sequence[Mapping[str, Any]]:
        versions: Sequence[Mapping[str, Any]] = self.true["versions"]
        return versions

    @property
    def kinds(self) -> Sequence[str]:
        return [each["eventType"] for each in self.came]

    def told(self, *, again: bool) -> Sequence[int]:
        """The version of each event, 0 for one that is none, out of order, or told before.

        With `again` the same version may follow itself.
        """
        numbers: list[int] = []
        last = 0
        for each in self.came:
            number = next(
                (
                    version["version"]
                    for version in self.versions
                    if version["version"] + again > last and self.is_same(version, each)
                ),
                0,
            )
            numbers.append(number)
            last = max(last, number)
        return numbers

    def story(self) -> str:
        """All of it, for people."""
        marker = MARKERS[self.true["object"]]
        lines = [f"created {self.true['created']}"]
        for each in self.versions:
            what = "deleted" if each["deleted"] else each["fields"][marker]
            lines.append(
                f"{each['version']}: {what}, stamp {each['stamp']}, change {each['change']},"
                f" written {each['writtenAt']}, served {each['served']}"
            )
        for each in self.came:
            what = (each["record"] or {}).get(marker)
            lines.append(
                f"#{each['sequence']} {each['eventType']} {what}, {each['date']}, at {each['at']}"
            )
        return "".join(f"\n    {line}" for line in lines)

    def is_same(self, version: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
        """Whether an event tells this version. A restored record has the marker that it had."""
        is_deletion = event["eventType"] == "DELETED"
        if is_deletion or version["deleted"]:
            return is_deletion and bool(version["deleted"])
        marker = MARKERS[self.true["object"]]
        fields = event["record"] or {}
        same = fields.get(marker) == version["fields"][marker]
        return same and event["date"] == version["stamp"]


def _told_twice(told: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    ids = Counter(arrival["eventId"] for each in told for arrival in each["arrivals"])
    for event_id, count in ids.items():
        if count > 1:
            yield f"event id {event_id} stands for {count} events"
