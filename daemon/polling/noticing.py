"""Noticing: a page of sightings compared with what is known, doubtful ones read by id first."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.polling.detection import Detected, Repeated, Rules, detect, fold
from daemon.polling.sighting import Sighting
from daemon.polling.slow_pass import backfill_until
from daemon.polling.snapshot import Snapshot
from daemon.polling.source import Clock, Journal, Reading, Source
from daemon.polling.window import ANY_ZONE, UNPROVED_OVERLAP, Margins


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a resource is polled: its margins, what counts as just created, what is left out.

    `projection` names what snapshots are made with: fields and frame; `only_created` tells created
    objects only; with `in_their_time` no version is told before the date it bears; `id_field` is
    what a deleted object is named by; `ordered` is false where rows are known not to come oldest
    first.
    """

    margins: Margins
    tolerance: timedelta
    projection: int
    only_created: bool = False
    in_their_time: bool = False
    id_field: str = "id"
    ordered: bool = True


class Noticer:
    """Detects the changes of a page for whoever walks over it.

    What reads in the background does so too where a doubtful object has to be read by id.
    """

    def __init__(
        self,
        source: Source,
        journal: Journal,
        manner: Manner,
        clock: Clock,
        *,
        background: bool = False,
    ) -> None:
        self._source = source
        self._journal = journal
        self._manner = manner
        self._clock = clock
        self._background = background

    async def notice(self, reading: Reading, *, silent: bool = False) -> Detected:
        """What a page that was just read changes; `silent` stores without telling."""
        sightings, provider_time = reading.sightings, reading.provider_time
        folded = fold(sightings if silent else self._due(sightings, provider_time))
        rules = self._rules(self._repeated(reading), silent=silent)
        known = await self._journal.known([sighting.object_id for sighting in folded])
        detected = detect(folded, known, rules)
        doubtful = detected.doubtful
        if doubtful:
            sure = [sighting for sighting in folded if sighting.object_id not in doubtful]
            believed = await self._look_again([known[object_id] for object_id in doubtful])
            due = self._due(believed, provider_time)
            detected = detect([*sure, *due], known, rules, confirmed=frozenset(doubtful))
        page = [sighting.raw for sighting in sightings]
        return replace(detected, page=page, doubtful=doubtful)

    def _due(self, sightings: Sequence[Sighting], provider_time: datetime) -> Sequence[Sighting]:
        """Without the versions whose date is still to come, where those wait for it: every poll
        reads them again until then, since no mark is ever later than the provider's time."""
        if not self._manner.in_their_time:
            return sightings
        return [one for one in sightings if one.stamp is None or one.stamp <= provider_time]

    async def _look_again(self, doubtful: Sequence[Snapshot]) -> Sequence[Sighting]:
        """What looks older than what is known, or deleted, as it is when read by id."""
        read = [await self.read_by_id(snapshot) for snapshot in doubtful]
        return [sighting for sighting in read if sighting is not None]

    async def read_by_id(self, snapshot: Snapshot) -> Sighting | None:
        """The object itself as it is now, None if it is not shown (or another under its key is)."""
        found = await self._source.one(snapshot.object_key, background=self._background)
        return found if found is not None and found.object_id == snapshot.object_id else None

    async def shown(self, snapshots: Sequence[Snapshot]) -> Set[str]:
        """Which of these objects are there for sure; one alone that is left out is not."""
        if len(snapshots) == 1:
            [only] = snapshots
            return set() if await self.read_by_id(only) is None else {only.object_id}
        keys = [snapshot.object_key for snapshot in snapshots]
        found = await self._source.some(keys, background=self._background)
        return {one.object_id for one in found} & {one.object_id for one in snapshots}

    def _repeated(self, reading: Reading) -> Repeated | None:
        """The time that a clock set back repeats, whoever reads of it first."""
        marks = self._journal.marks
        clock = marks.looked(reading.look(self._clock())).clock
        if clock is None or clock.set_back_to is None or clock.repeated_until is None:
            return None
        framed = marks.utc is not None or self._manner.margins.zone_configured
        ahead = UNPROVED_OVERLAP if framed else ANY_ZONE
        return Repeated(since=clock.set_back_to, until=clock.repeated_until + ahead)

    def _rules(self, repeated: Repeated | None, *, silent: bool) -> Rules:
        return Rules(
            marks=self._journal.marks,
            tolerance=self._manner.tolerance,
            projection=self._manner.projection,
            polled_at=self._clock(),
            only_created=self._manner.only_created,
            silent=silent,
            backfill_until=backfill_until(self._journal.work),
            repeated=repeated,
            revision_floor=self._journal.revision_floor,
        )
