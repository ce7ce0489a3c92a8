"""The oracle: what a receiver was told of each object, against what really happened to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from tests.flow.standins import Provider, Receiver

HOLDS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "contacts": ("contacts",),
        "companies": ("companies",),
        "addressbook-entries": ("contacts", "companies", "individuals"),
        "opportunities": ("opportunities",),
    }
)
"""Which of the stand-in's records belong to which polled resource."""

MARKERS: Mapping[str, str] = MappingProxyType(
    {"AbEntry": "Department", "Opportunity": "NextAction"}
)
"""The fields that tell one version of a record from the next."""


@dataclass(slots=True)
class Findings:
    """`missing` may still come; `wrong` can never be made good."""

    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    versions: int = 0
    told: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """Judges what an instance's receiver was told of all changes since its baseline.

    `since` counts the changes that were made before it; `resources` are those polled.
    """

    provider: Provider
    receiver: Receiver
    instance: int
    since: int
    resources: Sequence[str] = tuple(HOLDS)

    async def missing(self) -> Sequence[str]:
        """Complaints as long as the last visible version of some object has not arrived."""
        return (await self.judge()).missing

    async def judge(self) -> Findings:
        """Everything that is missing or wrong now."""
        history = (await self.provider.history(after=self.since))["objects"]
        told = await self.receiver.objects(self.instance)
        arrivals = {(each["objectType"], each["objectId"]): each["arrivals"] for each in told}
        findings = Findings()
        for resource in self.resources:
            for true in history:
                if true["resource"] in HOLDS[resource]:
                    came = arrivals.pop((resource, true["key"]), [])
                    _judge_object(findings, f"{resource} {true['id']}", true, came, self.since)
        findings.wrong += [f"{key} was told, and nothing happened to it" for key in arrivals]
        findings.wrong += _told_twice(told)
        return findings

    async def report(self) -> Mapping[str, Any]:
        """The receiver's own report, after it was checked for gaps, conflicts and forgeries."""
        report = await self.receiver.report()
        assert report["unverified"] == 0, report["problems"]
        assert report["unreadable"] == 0
        assert report["disordered"] == []
        for stream in report["streams"]:
            assert (stream["gaps"], stream["conflicts"]) == ([], []), stream
        return report


def _judge_object(
    findings: Findings, name: str, true: Mapping[str, Any], came: Sequence[Any], since: int
) -> None:
    marker = MARKERS[true["object"]]
    versions = {each["fields"][marker]: each["version"] for each in true["versions"]}
    told = [versions.get(each["record"][marker], 0) for each in came]
    if 0 in told or any(later <= earlier for earlier, later in pairwise(told)):
        findings.wrong.append(f"{name}: versions came in the order {told}")
    findings.wrong += _wrong_kinds(name, true, came, since)
    last = true["versions"][-1]
    if not last["deleted"] and (not told or told[-1] != last["version"]):
        findings.missing.append(f"{name}: version {last['version']} has not come, but {told}")
    findings.versions += sum(each["change"] > since for each in true["versions"])
    findings.told += len(told)


def _wrong_kinds(
    name: str, true: Mapping[str, Any], came: Sequence[Any], since: int
) -> Iterator[str]:
    is_new = true["versions"][0]["change"] > since
    for position, each in enumerate(came):
        kind = "CREATED" if is_new and position == 0 else "UPDATED"
        if each["eventType"] != kind:
            yield f"{name}: event {position + 1} is {each['eventType']} instead of {kind}"


def _told_twice(told: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    ids = Counter(arrival["eventId"] for each in told for arrival in each["arrivals"])
    for event_id, count in ids.items():
        if count > 1:
            yield f"event id {event_id} stands for {count} events"
