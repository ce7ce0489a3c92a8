"""A seeded model of a provider: its objects, its clock, the people who edit, and its misbehaviour.

Everything runs in one thread on a model clock; no store, network or asyncio is used.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from daemon.errors import ProviderUnavailable
from daemon.polling.sighting import Sighting
from daemon.polling.source import KnownPage, Reading
from daemon.polling.window import Row, floor

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
FAR_FUTURE = datetime(2099, 1, 1, tzinfo=UTC)


class NoPage(ProviderUnavailable):
    """A page did not come."""


class Killed(Exception):
    """The poller's process died here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of an object; one without a thing to show is its deletion. What is imported has
    no stamp of the time it was `made_at`."""

    number: int
    stamp: datetime
    made_at: datetime
    is_imported: bool
    visible_at: datetime
    gone: bool = False


@dataclass(slots=True, kw_only=True)
class Thing:
    """An object. While it is `hidden_until` nobody sees it; `unlisted` it is only read by its id.
    As long as it has one version it has no date of modification if it is `undated`."""

    id: str
    created: datetime
    undated: bool = False
    unlisted: bool = False
    was_unlisted: bool = False
    hidden_until: datetime = EPOCH
    was_hidden: bool = False
    versions: list[Version] = field(default_factory=list)

    def shown(self, now: datetime) -> Version | None:
        """The version that a question is answered with, None while there is none."""
        if now < self.hidden_until:
            return None
        for version in reversed(self.versions):
            if version.visible_at <= now:
                return None if version.gone else version
        return None

    @property
    def is_gone(self) -> bool:
        return bool(self.versions) and self.versions[-1].gone

    def stamp(self, version: Version) -> datetime | None:
        """What its date of modification says."""
        return None if self.undated and version.number == 1 else version.stamp


class Shown(NamedTuple):
    """An object as an answer has it."""

    id: str
    stamp: datetime | None
    created: datetime
    number: int

    @classmethod
    def of(cls, thing: Thing, version: Version, shift: timedelta) -> Shown:
        stamp = thing.stamp(version)
        return cls(thing.id, stamp and stamp + shift, thing.created + shift, version.number)

    def is_before(self, instant: datetime) -> bool:
        return self.stamp is not None and self.stamp < instant

    @property
    def sighting(self) -> Sighting:
        content = f"{self.number}".encode()
        return Sighting(
            object_id=self.id,
            object_key=self.id,
            stamp=self.stamp or self.created,
            created=self.created,
            content_hash=content,
            raw={"version": self.number},
            digests=lambda: content,
            changed_fields=lambda _: None,
            agrees=lambda before: before == content,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What this provider does to its pollers. Shares are of edits, or of questions.

    `stale` answers know nothing of the last while, those with `ghosts` still list what is deleted.
    What a poller takes for its time is too early by what an answer is `slow_by`, at most; it
    `polls_again` at once so often. There are so many `objects` from the beginning. What is dated
    `hours_ahead` is so by `most_ahead`. It is asked by `both_dates`, of which `undated` objects
    that nobody has edited have only one.
    """

    zone: timedelta = timedelta(0)
    granularity: timedelta = SECOND
    late_by: timedelta = timedelta(0)
    page_size: int = 4
    pace: float = 1.0
    shuffled: bool = False
    bulk_edits: bool = True
    edits_between_pages: bool = True
    kills: float = 0.05
    failures: float = 0
    clock_jumps: bool = False
    set_backs: float = 0
    far_future: bool = False
    hours_ahead: float = 0
    most_ahead: int = 12
    slow_by: timedelta = timedelta(0)
    polls_again: float = 0
    deletions: float = 0
    restorations: float = 0
    back_dated: float = 0
    hidings: float = 0
    hidden_for: timedelta = MINUTE
    mass_hidings: float = 0
    unlistings: float = 0
    undated: float = 0
    nulls_first: bool = False
    both_dates: bool = False
    stale: float = 0
    stale_by: timedelta = timedelta(0)
    ghosts: float = 0
    objects: int = 0
    losses: float = 0
    """How often a kill takes the database's unlogged memory too."""


class World:
    """The provider with its clock; also the Source that a poller reads.

    `read_later_by` is what another zone makes of every date, `error` how wrong the provider is
    about the time, `lowest_stamp` the earliest that it was set to. `was_looked_at` and `is_known`
    are for people whose worst deeds are only fair after a poll has seen what they did before, and
    after everything was seen.
    """

    searches_by_stamp = True

    def __init__(
        self, seed: int, traits: Traits, people: Callable[[World], None] = lambda _: None
    ) -> None:
        self.random = random.Random(seed)
        self.traits = traits
        self.people = people
        self.now = EPOCH + timedelta(seconds=self.random.random() * 10**6)
        self.our_skew = timedelta(0)
        self.error = timedelta(0)
        self.was_looked_at = False
        self.lowest_stamp = FAR_FUTURE
        self.things: dict[str, Thing] = {}
        self.quiet = False
        self.is_known = False
        self.known_again = 0
        self.read_later_by = timedelta(0)

    def our_clock(self) -> datetime:
        return self.now + self.our_skew

    def set_clock(self, error: timedelta) -> None:
        """Somebody sets the provider's clock, and with it what it stamps."""
        self.error, self.was_looked_at = error, False
        self.lowest_stamp = min(self.lowest_stamp, self.stamp())

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds * (1 if self.quiet else self.traits.pace))

    def stamp(self) -> datetime:
        return floor(self.now + self.error + self.traits.zone, self.traits.granularity)

    def edit(self, thing: Thing | None = None, stamp: datetime | None = None) -> Thing:
        """Create an object, or give one a new version; it may become visible only later."""
        is_imported, stamp = stamp is not None, stamp or self.stamp()
        if thing is None:
            undated = self.random.random() < self.traits.undated
            thing = Thing(id=f"{len(self.things):05d}", created=stamp, undated=undated)
            self.things[thing.id] = thing
        self._add_version(thing, stamp, is_imported=is_imported)
        return thing

    def delete(self, thing: Thing) -> None:
        self._add_version(thing, self.stamp(), gone=True)

    def restore(self, thing: Thing) -> None:
        """Bring an object back with its old stamp, or with a new one."""
        before = self.stamp() if self.traits.stale else thing.versions[-2].stamp
        self._add_version(thing, self.random.choice((before, self.stamp())), is_imported=True)

    def hide(self, thing: Thing, duration: timedelta) -> None:
        """Take the permission to see an object away for a while."""
        thing.hidden_until, thing.was_hidden = self.now + duration, True

    def _add_version(
        self, thing: Thing, stamp: datetime, *, gone: bool = False, is_imported: bool = False
    ) -> None:
        visible_at = self.now + self.traits.late_by * self.random.random()
        if thing.versions:
            visible_at = max(visible_at, thing.versions[-1].visible_at)
        number = len(thing.versions) + 1
        thing.versions.append(
            Version(
                number=number,
                stamp=stamp,
                made_at=self.now,
                is_imported=is_imported,
                visible_at=visible_at,
                gone=gone,
            )
        )

    async def newest(self, before: datetime | None = None) -> Reading:
        shown = [one for one in self._shown(self.now) if before is None or one.is_before(before)]
        shown.sort(key=lambda one: one.stamp or EPOCH, reverse=True)
        return self._reading(shown[:1], next_key=None, complete=True)

    async def is_empty(self) -> bool:
        return not self._shown(self.now)

    async def page(
        self,
        bound: datetime | None,
        page_key: str | None,
        *,
        background: bool = False,
        known: KnownPage | None = None,
    ) -> Reading:
        self._happen()
        if bound is not None:
            bound = floor(bound, self.traits.granularity)
        shown = self._shown(self._view(), bound)
        if not self.quiet and self.random.random() < self.traits.ghosts:
            shown += self._ghosts()
        if bound is not None:
            shown = [one for one in shown if self._lets_through(one.stamp, one.created, bound)]
        null = EPOCH.replace(year=1 if self.traits.nulls_first else 9999)
        shown.sort(key=lambda one: (one.stamp or null, one.id))
        if self.traits.shuffled:
            random.Random(int(self.now.timestamp()) // 60).shuffle(shown)
        return self._known_again(self._cut(shown, page_key), known)

    async def one(self, object_key: str, *, background: bool = False) -> Sighting | None:
        self._happen()
        thing = self.things[object_key]
        version = thing.shown(self.now)
        return self._pair(Shown.of(thing, version, self.read_later_by))[1] if version else None

    async def some(
        self, object_keys: Sequence[str], *, background: bool = False
    ) -> Sequence[Sighting]:
        """Those that are there; now and then one of them is left out."""
        found = [await self.one(key, background=background) for key in object_keys]
        kept = found if self.quiet else found[: self.random.randint(0, len(found))]
        return [sighting for sighting in kept if sighting is not None]

    def _lets_through(self, stamp: datetime | None, created: datetime, bound: datetime) -> bool:
        """Whether a filter by the date of modification, or by either date, does."""
        by_creation = self.traits.both_dates and created >= bound
        return by_creation or (stamp is not None and stamp >= bound)

    def _cut(self, shown: Sequence[Shown], page_key: str | None) -> Reading:
        start = int(page_key or 0)
        end = start + self.traits.page_size
        complete = len(shown) < end
        return self._reading(
            shown[start:end], next_key=None if complete else str(end), complete=complete
        )

    def _known_again(self, reading: Reading, known: KnownPage | None) -> Reading:
        if known is None or known.likeness != reading.likeness:
            return reading
        self.known_again += 1
        return replace(reading, rows=known.rows, sightings=(), alike=True)

    def _happen(self) -> None:
        """A question takes time; meanwhile people edit, and the poller may be killed."""
        self.pass_time(self.random.random())
        if self.quiet:
            return
        if self.traits.edits_between_pages and self.random.random() < 0.2:
            self.people(self)
        self.maybe_kill()
        if self.random.random() < self.traits.failures:
            raise NoPage("It does not answer.")

    def maybe_kill(self) -> None:
        if not self.quiet and self.random.random() < self.traits.kills:
            raise Killed

    def _view(self) -> datetime:
        """As of when a question is answered: a stale replica knows nothing of the last while."""
        if not self.quiet and self.random.random() < self.traits.stale:
            return self.now - self.traits.stale_by * self.random.random()
        return self.now

    def _shown(self, at: datetime, bound: datetime | None = None) -> list[Shown]:
        """What a listing from the bound on has, as of an instant."""
        least = bound and bound - self.read_later_by
        return [
            Shown.of(thing, self._not_of_one_stamp(thing, version), self.read_later_by)
            for thing in self.things.values()
            if not thing.unlisted
            and (version := thing.shown(at)) is not None
            and (least is None or self._lets_through(thing.stamp(version), thing.created, least))
        ]

    def _not_of_one_stamp(self, thing: Thing, version: Version) -> Version:
        """The version, or the current one: older ones under its stamp are changes like others."""
        if version is thing.versions[-1]:
            return version
        current = thing.shown(self.now)
        return current if current is not None and current.stamp == version.stamp else version

    def _ghosts(self) -> list[Shown]:
        """What was deleted, as it last was."""
        gone = [thing for thing in self.things.values() if thing.is_gone]
        return [
            Shown.of(thing, before, self.read_later_by)
            for thing in gone
            if (before := thing.versions[-2]) and not before.gone
        ]

    def _pair(self, one: Shown) -> tuple[Row, Sighting]:
        return Row(identity=one.id, stamp=one.stamp), one.sighting

    def _reading(self, shown: Sequence[Shown], *, next_key: str | None, complete: bool) -> Reading:
        pairs = [self._pair(one) for one in shown]
        return Reading(
            rows=[row for row, _ in pairs],
            sightings=[sighting for _, sighting in pairs],
            next_key=next_key,
            complete=complete,
            provider_time=self._provider_time(),
            likeness=tuple(shown),
        )

    def _provider_time(self) -> datetime:
        """The time of a header that tells whole seconds, less how long the answer took."""
        slow_by = self.traits.slow_by
        late = slow_by * self.random.random() if slow_by else slow_by
        return floor(self.now + self.error, SECOND) - SECOND - late
