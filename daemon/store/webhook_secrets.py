"""The webhook secrets of an instance as its sealed column holds them: the one in force, and those
that still sign along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MOST_RETIRING = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSecrets:
    """`current` signs until it is replaced, each of `retiring` until its instant."""

    current: str = field(repr=False)
    retiring: tuple[tuple[str, datetime], ...] = field(default=(), repr=False)

    def rotated(self, secret: str, now: datetime, until: datetime) -> WebhookSecrets:
        """With a new one in force, and the old one signing along until an instant."""
        kept = [(old, end) for old, end in self.retiring if end > now]
        leaving = [(self.current, until)] if until > now else []
        return WebhookSecrets(current=secret, retiring=(*leaving, *kept)[:MOST_RETIRING])

    def as_json(self) -> list[Any]:
        """As it is stored: a text, then objects."""
        retiring = [
            {"secret": secret, "until": until.isoformat()} for secret, until in self.retiring
        ]
        return [self.current, *retiring]


def secrets_from_json(stored: Sequence[Any]) -> WebhookSecrets:
    """What `as_json` wrote."""
    current, *retiring = stored
    return WebhookSecrets(
        current=current,
        retiring=tuple(
            (each["secret"], datetime.fromisoformat(each["until"])) for each in retiring
        ),
    )
