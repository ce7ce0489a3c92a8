"""The sandbox's clock: real time, shifted or stood still on request."""

from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the time by which stamps, sessions and rate windows go."""

    def __init__(self, frozen_at: datetime | None = None) -> None:
        self._frozen_at = frozen_at
        self._offset = timedelta(0)
        self._furthest = self.now()

    def now(self) -> datetime:
        """The present instant, aware and in UTC."""
        if self._frozen_at is not None:
            return self._frozen_at
        return datetime.now(UTC) + self._offset

    def furthest(self) -> datetime:
        """The latest instant there ever was: what was shown once stays so when clocks go back."""
        return max(self._furthest, self.now())

    def advance(self, seconds: float) -> None:
        """Moves on (or back, when negative) by that many seconds, frozen or not."""
        self._furthest = self.furthest()
        if self._frozen_at is not None:
            self._frozen_at += timedelta(seconds=seconds)
        else:
            self._offset += timedelta(seconds=seconds)

    def set(self, instant: datetime) -> None:
        """Makes it that instant now; a running clock goes on from there."""
        self.advance((instant - self.now()).total_seconds())

    def freeze(self) -> None:
        """Stands still from now on."""
        self._frozen_at = self.now()

    def run(self) -> None:
        """Runs on from the time it shows."""
        shown, self._frozen_at = self.now(), None
        self._offset = shown - datetime.now(UTC)
