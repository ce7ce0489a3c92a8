"""Noticing: a page of sightings compared with what is known, doubtful ones read by id first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from daemon.polling.detection import Detected, Rules, Sighting, Snapshot, detect, fold
from daemon.polling.source import Clock, Journal, Source
from daemon.polling.window import Margins


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a resource is polled: its margins, what counts as just created, what is left out.

    `projection` names the selection of fields that hashes are made of; `only_created` tells created
    objects only; `id_field` is what a deleted object is named by.
    """

    margins: Margins
    tolerance: timedelta
    projection: int
    only_created: bool = False
    id_field: str = "id"


class Noticer:
    """Detects the changes of a page for whoever walks over it."""

    def __init__(self, source: Source, journal: Journal, manner: Manner, clock: Clock) -> None:
        self._source = source
        self._journal = journal
        self._manner = manner
        self._clock = clock

    async def notice(
        self, sightings: Sequence[Sighting], *, silent: bool = False, backfill: bool = False
    ) -> Detected:
        """What a page changes. `silent` stores without telling, `backfill` tells it as old."""
        folded = fold(sightings)
        known = await self._journal.known([sighting.object_id for sighting in folded])
        rules = Rules(
            marks=self._journal.marks,
            tolerance=self._manner.tolerance,
            projection=self._manner.projection,
            polled_at=self._clock(),
            only_created=self._manner.only_created,
            silent=silent,
            backfill=backfill,
        )
        detected = detect(folded, known, rules)
        if detected.doubtful:
            detected = await self._look_again(folded, known, rules, detected.doubtful)
        return replace(detected, page=[sighting.raw for sighting in sightings])

    async def _look_again(
        self,
        folded: Sequence[Sighting],
        known: Mapping[str, Snapshot],
        rules: Rules,
        doubtful: Sequence[str],
    ) -> Detected:
        """Read by id what looks older than what is known, and believe that."""
        sure = [sighting for sighting in folded if sighting.object_id not in doubtful]
        read = [await self._source.one(known[object_id].object_key) for object_id in doubtful]
        confirmed = [sighting for sighting in read if sighting is not None]
        return detect([*sure, *confirmed], known, rules, confirmed=frozenset(doubtful))
