"""Confirming: what two listings did not show is read by id, before it is told as deleted."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

import structlog

from daemon.errors import MalformedAnswer, RequestRefused
from daemon.instance import EventType
from daemon.notifications.change import Change
from daemon.polling.detection import NOTHING, Detected
from daemon.polling.noticing import Manner, Noticer
from daemon.polling.slow_pass import SlowPass, Wishes, most_deletions
from daemon.polling.snapshot import Snapshot, SnapshotWrite
from daemon.polling.source import Clock, SweepJournal, Tally

log = structlog.get_logger(__name__)

TOGETHER = 50
"""So many objects are asked for at once."""


class Confirming:
    """The end of a sweep, step by step, unless too many to be believed are gone.

    Many are asked for together, since most that a listing does not show are there all the same.
    Whatever does not come that way is read by its own id: only that tells a deletion.

    Those absent for the first time count for that too: a fault may have begun in mid-listing.

    Objects that left the filter are there, although no listing shows them: they are no candidates
    any more, and are looked at once in a while instead, so that their deletion is told too. So are
    those that a listing by another filter leaves out, however many they are.
    """

    def __init__(
        self,
        journal: SweepJournal,
        noticer: Noticer,
        manner: Manner,
        wishes: Wishes,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._noticer = noticer
        self._manner = manner
        self._wishes = wishes
        self._clock = clock
        self._left_out: Set[str] = frozenset()

    async def step(self, slow: SlowPass) -> Tally:
        """The next candidates; after the last ones the sweep rests."""
        if slow.allowance is None:
            absent, living = await self._journal.count_absent()
            gone, all_known = absent + slow.told, living + slow.told
            most = int(most_deletions(all_known, self._wishes))
            if gone > most and not slow.confirmed:
                return await self._brake(slow, f"{gone} of {all_known} objects are gone at once")
            slow = replace(slow, allowance=all_known if slow.confirmed else most)
        candidates = await self._candidates()
        if not candidates:
            await self._rest(slow, brake=None)
            return Tally()
        if candidates[0].object_id in self._left_out:
            candidates = candidates[:1]
        return await self._look_at(candidates, slow)

    async def _candidates(self) -> Sequence[Snapshot]:
        absent = await self._journal.list_absent(TOGETHER)
        return absent or await self._journal.list_unlisted(TOGETHER)

    async def _look_at(self, absent: Sequence[Snapshot], slow: SlowPass) -> Tally:
        tally = Tally()
        there = await self._there(absent)
        if len(absent) > 1:
            self._left_out = {each.object_id for each in absent} - there
        if there:
            await self._journal.mark_unlisted([*there])
        elif len(absent) > 1:
            log.debug("sweep.left_out", objects=len(absent))
        elif slow.allowance is not None and slow.told >= slow.allowance:
            return await self._brake(slow, f"More than {slow.told} objects are gone at once")
        else:
            detected = self._deletion(absent[0])
            await self._commit(detected, replace(slow, told=slow.told + 1))
            tally.add_changes(detected)
        return tally

    async def _there(self, absent: Sequence[Snapshot]) -> Set[str]:
        """What the provider refuses to show by its id is not told as deleted either."""
        try:
            return await self._noticer.shown(absent)
        except (RequestRefused, MalformedAnswer) as error:
            if len(absent) > 1:
                return frozenset()
            log.warning("sweep.not_confirmed", object=absent[0].object_key, reason=str(error))
            return {absent[0].object_id}

    async def _brake(self, slow: SlowPass, gone: str) -> Tally:
        reason = f"{gone}: no more of them are told as deleted until the sweep is confirmed."
        log.warning("sweep.braked", reason=reason)
        await self._rest(slow, brake=reason)
        return Tally(braked=1)

    async def _rest(self, slow: SlowPass, *, brake: str | None) -> None:
        await self._journal.clear_sightings()
        interval = self._wishes.sweep_interval
        due_at = None if interval is None else self._clock() + interval
        rested = replace(slow, brake=brake, outside=await self._journal.count_outside())
        await self._commit(NOTHING, rested.rest(due_at))

    async def _commit(self, detected: Detected, slow: SlowPass) -> None:
        work = {**self._journal.work, slow.kind: slow}
        await self._journal.commit(detected, self._journal.marks, work=work)

    def _deletion(self, gone: Snapshot) -> Detected:
        revision = gone.revision + 1
        change = Change(
            object_id=gone.object_id,
            object_key=gone.object_key,
            type=EventType.DELETED,
            revision=revision,
            occurred_at=self._clock(),
            raw={self._manner.id_field: gone.object_key},
        )
        tomb = replace(gone, revision=revision, deleted=True)
        write = SnapshotWrite(snapshot=tomb, expected_revision=gone.revision)
        return Detected(changes=[change], writes=[write])
