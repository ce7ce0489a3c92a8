"""PURE: instants as counts since 1970, in seconds, milliseconds or microseconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation

from daemon.errors import PollhookError

_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST_TEXT = 64
_LARGEST_EXPONENT = 20


class UnreadableDate(PollhookError):
    """A value is no date in the format it should have: set this stamp aside, go on."""

    def __init__(self, value: object, expected: str) -> None:
        shown = repr(value[:40]) if isinstance(value, str) else f"a JSON {_json_type(value)}"
        super().__init__(f"{shown} is no date in the format {expected}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochFormat:
    """Counts of one unit since 1970; `text` is the word a configuration uses for it."""

    text: str
    granularity: timedelta

    def format(self, instant: datetime) -> str:
        """The count, cut down to whole units."""
        return str((instant - _START) // self.granularity)

    def parse(self, value: object, zone: tzinfo = UTC, now: datetime | None = None) -> datetime:  # noqa: ARG002 - the signature of DatePattern.parse; a count needs neither
        """The instant of a count (number or text, fractions allowed). Raises UnreadableDate."""
        try:
            return _START + _MICROSECOND * self._microseconds(value)
        except (OverflowError, ValueError, InvalidOperation):
            raise UnreadableDate(value, self.text) from None

    def floor(self, instant: datetime, zone: tzinfo = UTC) -> datetime:  # noqa: ARG002 - as above
        """`instant` cut down to what this format can express."""
        return _START + (instant - _START) // self.granularity * self.granularity

    def _microseconds(self, value: object) -> int:
        unit = self.granularity // _MICROSECOND
        if type(value) is int:
            return value * unit
        if not isinstance(value, str | float | Decimal) or len(str(value)) > _LONGEST_TEXT:
            raise ValueError
        count = Decimal(str(value).strip())
        if not count.is_finite() or count.adjusted() > _LARGEST_EXPONENT:
            raise ValueError
        return int(count * unit)


def _json_type(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float | Decimal):
        return "number"
    return "array" if isinstance(value, list) else "object"


SECONDS = EpochFormat(text="seconds", granularity=timedelta(seconds=1))
MILLISECONDS = EpochFormat(text="milliseconds", granularity=timedelta(milliseconds=1))
MICROSECONDS = EpochFormat(text="microseconds", granularity=_MICROSECOND)
