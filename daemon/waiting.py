"""Waiting for whatever comes first."""

from __future__ import annotations

import asyncio


async def first_of(*events: asyncio.Event, timeout_seconds: float) -> None:
    """Until one of these is set, or so much time has passed."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
