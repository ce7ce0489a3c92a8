"""PURE: the noun ProviderClock: how far the provider's clock went, and whether it was set back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

STEADY = timedelta(seconds=60)
"""Two looks at a clock may differ by this although nobody has set it: answers take their time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the provider's clock: what it showed, and how far it was ahead of ours."""

    provider_time: datetime
    skew: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderClock:
    """What is remembered of the provider's clock, whatever the zone of its stamps.

    `skew` is how far it was last ahead of ours. `shown_at` is the latest that it was seen to show,
    `highest_at` what it can have shown at most, `set_at` what it showed when it was found to be
    set. `set_back_to` is there from then on, until it shows `highest_at` again: not before this
    stamp lies what was stamped since, or what comes late from before, and was not read for certain.
    Meanwhile it goes a second time through what ends at `repeated_until`, None as long as it may
    have been our clock that was set.
    """

    skew: timedelta
    shown_at: datetime
    highest_at: datetime
    set_at: datetime | None = None
    set_back_to: datetime | None = None
    repeated_until: datetime | None = None

    @classmethod
    def first_seen(cls, look: Look) -> ProviderClock:
        shown_at = look.provider_time
        return cls(skew=look.skew, shown_at=shown_at, highest_at=shown_at)

    @classmethod
    def after(
        cls, clock: ProviderClock | None, look: Look, cursor: datetime | None
    ) -> ProviderClock:
        """After a look, be it the first one."""
        return cls.first_seen(look) if clock is None else clock.seen(look, cursor)

    def seen(self, look: Look, cursor: datetime | None) -> ProviderClock:
        """After another look, before anything is read of what changed since the one before.

        The cursor is not later than what was stamped at that time, and what is stamped once the
        clock was set back is as much earlier. Ours set forward looks the same: that costs a longer
        read, and nothing else.
        """
        moved = look.skew - self.skew
        back = moved if moved < -STEADY else timedelta(0)
        highest_at = max(self.highest_at, look.provider_time - back)
        behind = look.provider_time - highest_at
        is_set = abs(moved) > STEADY or (self.set_back_to is None and behind < -STEADY)
        set_back_to = self.set_back_to
        if set_back_to is not None:
            set_back_to += back
        elif cursor is not None and is_set:
            set_back_to = cursor + behind
        return ProviderClock(
            skew=look.skew,
            shown_at=max(self.shown_at, look.provider_time),
            highest_at=highest_at,
            set_at=look.provider_time if is_set else self.set_at,
            set_back_to=set_back_to,
            repeated_until=None if set_back_to is None else self._repeated_until(look, moved),
        )

    def is_behind(self, provider_time: datetime | None) -> bool:
        """Whether it was set back and has not yet caught up."""
        if self.set_back_to is None or provider_time is None:
            return False
        return provider_time < self.highest_at - STEADY

    def _repeated_until(self, look: Look, moved: timedelta) -> datetime | None:
        """It may have gone through that until it was set right, just before it was looked at."""
        if look.provider_time < self.shown_at - STEADY:
            return max(look.provider_time, self.repeated_until or look.provider_time)
        if self.repeated_until is None:
            return None
        before = look.provider_time - (moved if moved > STEADY else timedelta(0))
        return max(self.repeated_until, before)

    def read(
        self, since: datetime | None, until: datetime | None, look: Look, overlap: timedelta
    ) -> ProviderClock:
        """After everything was read that is stamped since; `until` is where that certainly has
        come to by the clock as it was looked at before, None if stamps do not say. What comes late
        from before the clock was set does so within the overlap."""
        if self.set_back_to is None or (since is not None and since > self.set_back_to):
            return self
        if self.set_at is not None and look.provider_time < self.set_at + overlap:
            return self
        if look.provider_time >= self.highest_at:
            return replace(self, set_at=None, set_back_to=None, repeated_until=None)
        return self if until is None else replace(self, set_back_to=until)

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        instants = {name: getattr(self, name) for name in _INSTANTS}
        return {"skew_seconds": self.skew.total_seconds()} | {
            name: instant and instant.isoformat() for name, instant in instants.items()
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ProviderClock:
        """What `as_json` made."""
        texts = {name: stored[name] for name in _INSTANTS}
        instants = {name: text and datetime.fromisoformat(text) for name, text in texts.items()}
        return cls(skew=timedelta(seconds=stored["skew_seconds"]), **instants)


_INSTANTS = ("shown_at", "highest_at", "set_at", "set_back_to", "repeated_until")
