"""The signals between a polling task and its supervisor."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What a task and its supervisor tell each other.

    `stop`: end at the next safe point. `poll_now`: do not wait for the next beat. `polled`: set by
    the task when its first poll has ended, well or not.
    """

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    poll_now: asyncio.Event = field(default_factory=asyncio.Event)
    polled: asyncio.Event = field(default_factory=asyncio.Event)
