"""Resource rows: what is to be polled, how far it got, and how its last polls went."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from daemon.errors import Fenced
from daemon.instance import (
    Instance,
    InstanceId,
    InstanceState,
    OrganizationId,
    PollTarget,
    ResourceId,
    ResourceState,
    UserId,
)
from daemon.polling.history import History, unpacked
from daemon.polling.lateness import Lateness
from daemon.polling.provider_clock import ProviderClock
from daemon.polling.slow_pass import Work
from daemon.polling.verdict import Probes
from daemon.polling.window import Marks, Proof, Resume
from daemon.polling.work_json import work_as_json, work_from_json
from daemon.store.database import Connection, Database, Row, load_queries

QUERIES = load_queries("resources")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Everything a poller resumes from."""

    state: ResourceState
    version: int
    marks: Marks
    next_sequence: int
    next_poll_at: datetime | None
    last_poll_at: datetime | None
    failures: int
    work: Work
    lateness: Lateness
    probes: Probes
    revision_floor: int
    history: History = field(default_factory=History)


@dataclass(frozen=True, slots=True, kw_only=True)
class PollOutcome:
    """How one poll went, for people and for the next start; written with many others at once.

    `cursor_at` and `clock` are marks that moved although the poll changed nothing. `summary` has
    counts of rows and pages and the duration in seconds. `missed` is how many more changes only a
    slow pass found.
    """

    resource_id: ResourceId
    instance_id: InstanceId
    version: int
    next_poll_at: datetime
    last_poll_at: datetime
    last_success_at: datetime | None
    last_error: str | None
    failures: int
    summary: Mapping[str, Any] | None
    cursor_at: datetime | None
    clock: ProviderClock | None = None
    lateness: Lateness | None = None
    probes: Probes | None = None
    missed: int = 0
    history: History | None = None

    def after(self, earlier: PollOutcome | None) -> PollOutcome:
        """This outcome with what an earlier one says that was not written down yet."""
        if earlier is None or earlier.version != self.version:
            return self
        return replace(
            self,
            last_success_at=self.last_success_at or earlier.last_success_at,
            summary=self.summary or earlier.summary,
            cursor_at=self.cursor_at or earlier.cursor_at,
            clock=self.clock or earlier.clock,
            lateness=self.lateness or earlier.lateness,
            probes=self.probes or earlier.probes,
            missed=self.missed + earlier.missed,
            history=self.history or earlier.history,
        )


async def list_targets(
    database: Database, instance_ids: Collection[InstanceId]
) -> Sequence[PollTarget]:
    """The resources of these instances that are to be polled now, in their configured order."""
    rows = await database.fetch(QUERIES["list_targets"], list(instance_ids))
    return [_target(row) for row in rows]


async def load_progress(source: Database | Connection, resource_id: ResourceId) -> Progress:
    """Where a resource stands. Raises Fenced if it is gone."""
    row = await source.fetchrow(QUERIES["load_progress"], resource_id)
    if row is None:
        raise Fenced(f"Resource {resource_id} no longer exists.")
    return Progress(
        state=ResourceState(row["state"]),
        version=row["version"],
        marks=_marks(row),
        next_sequence=row["next_sequence"],
        next_poll_at=row["next_poll_at"],
        last_poll_at=row["last_poll_at"],
        failures=row["failures"],
        work=work_from_json(row["work"]),
        lateness=Lateness.from_json(row["lateness"]),
        probes=Probes.from_json(row["probes"]),
        revision_floor=row["revision_floor"],
        history=unpacked(row["history"]),
    )


async def write_progress(
    connection: Connection, resource_id: ResourceId, before: Progress, after: Progress
) -> None:
    """Move the marks from one state to the next. Raises Fenced if they or the version moved."""
    marks = after.marks
    status = await connection.execute(
        QUERIES["write_progress"],
        resource_id,
        before.version,
        before.next_sequence,
        marks.cursor_at,
        marks.baseline_at,
        marks.known_from,
        marks.ids_complete,
        marks.utc and marks.utc.proved_at,
        marks.utc and marks.utc.skew.total_seconds(),
        _resume_as_json(marks.resume),
        after.next_sequence,
        after.state,
        work_as_json(after.work),
        marks.clock and marks.clock.as_json(),
    )
    if status != "UPDATE 1":
        raise Fenced(f"Resource {resource_id} was changed since version {before.version}.")


async def flush_polls(
    database: Database, tokens: Mapping[InstanceId, int], outcomes: Sequence[PollOutcome]
) -> None:
    """Write many outcomes in one statement; those of lost leases or older versions are dropped."""
    held = [outcome for outcome in outcomes if outcome.instance_id in tokens]
    if not held:
        return
    await database.execute(
        QUERIES["flush_polls"],
        [outcome.resource_id for outcome in held],
        [outcome.instance_id for outcome in held],
        [tokens[outcome.instance_id] for outcome in held],
        [outcome.version for outcome in held],
        [outcome.next_poll_at for outcome in held],
        [outcome.last_poll_at for outcome in held],
        [outcome.last_success_at for outcome in held],
        [outcome.last_error for outcome in held],
        [outcome.failures for outcome in held],
        [outcome.summary for outcome in held],
        [outcome.cursor_at for outcome in held],
        [outcome.lateness and outcome.lateness.as_json() for outcome in held],
        [outcome.missed for outcome in held],
        [outcome.probes and outcome.probes.as_json() for outcome in held],
        [outcome.history and outcome.history.packed() for outcome in held],
        [outcome.clock and outcome.clock.as_json() for outcome in held],
    )


async def derive_instance_states(database: Database, instance_ids: Collection[InstanceId]) -> None:
    """Make instances degraded or active again by what their resources are."""
    await database.execute(QUERIES["derive_instance_states"], list(instance_ids))


def _target(row: Row) -> PollTarget:
    instance = Instance(
        id=InstanceId(row["id"]),
        organization_id=OrganizationId(row["organization_id"]),
        user_id=UserId(row["user_id"]),
        element_key=row["element_key"],
        name=row["name"],
        tags=tuple(row["tags"]),
        state=InstanceState(row["state"]),
        state_reason=row["state_reason"],
        state_since=row["state_since"],
        configuration=row["configuration"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
    return PollTarget(
        instance=instance,
        resource_id=ResourceId(row["resource_id"]),
        name=row["resource_name"],
        state=ResourceState(row["resource_state"]),
        version=row["version"],
        polling=row["polling"],
    )


def _marks(row: Row) -> Marks:
    return Marks(
        cursor_at=row["cursor_at"],
        baseline_at=row["baseline_at"],
        known_from=row["known_from"],
        ids_complete=row["ids_complete"],
        utc=_proof(row),
        resume=_resume_from_json(row["resume"]),
        clock=row["clock"] and ProviderClock.from_json(row["clock"]),
    )


def _proof(row: Row) -> Proof | None:
    if row["utc_proved_at"] is None:
        return None
    return Proof(proved_at=row["utc_proved_at"], skew=timedelta(seconds=row["utc_skew_seconds"]))


def _resume_as_json(resume: Resume | None) -> Mapping[str, str | None] | None:
    if resume is None:
        return None
    return {
        "lower": _text(resume.lower),
        "cap": _text(resume.cap),
        "anchor": _text(resume.anchor),
    }


def _resume_from_json(stored: Mapping[str, str | None] | None) -> Resume | None:
    if stored is None:
        return None
    return Resume(
        lower=_instant(stored["lower"]),
        cap=_instant(stored["cap"]),
        anchor=_instant(stored["anchor"]),
    )


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
