"""The neighbours: a courier whose lanes are paced while others beside them are in trouble."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.courier import Courier, open_courier
from bench.queries import load_queries
from bench.worker import serve
from daemon.logs import configure_logs

QUERIES = load_queries("neighbours")
DELIVERIES = load_queries("deliveries")
LOOK_SECONDS = 0.05
DELIVER_SECONDS = 60.0


class Neighbours:
    """Troubles lanes, silences them, and paces others."""

    def __init__(self, courier: Courier) -> None:
        self._courier = courier

    async def trouble(self, lanes: Sequence[int]) -> None:
        """Send to these as if nothing were known of them yet."""
        ids = [self._courier.lane(number).instance_id for number in lanes]
        await self._courier.database.execute(QUERIES["begin_anew"], ids)
        for number in lanes:
            self._courier.turn(number, on=True)
            await self._courier.dispatcher.forget(self._courier.lane(number).instance_id)
            self._courier.dispatcher.wake(self._courier.lane(number).instance_id)

    async def silence(self, lanes: Sequence[int]) -> None:
        """Send nothing more to these."""
        for number in lanes:
            self._courier.turn(number, on=False)
            await self._courier.dispatcher.forget(self._courier.lane(number).instance_id)

    async def pace(self, lanes: Sequence[int], count: int, per_second: float) -> dict[str, float]:
        """Commit one event at a time, evenly and to each lane in turn; when each was committed."""
        committed, began = dict[str, float](), time.monotonic()

        async def keep(position: int, lane: int) -> None:
            for turn in range(position, count, len(lanes)):
                await asyncio.sleep(max(0.0, began + turn / per_second - time.monotonic()))
                event_id, at = await self._courier.commit_one(lane)
                committed[event_id.lower()] = at

        async with asyncio.TaskGroup() as tasks:
            for position, lane in enumerate(lanes):
                tasks.create_task(keep(position, lane))
        await self._await_delivered(lanes)
        return committed

    async def poison(self, lane: int, pages: list[list[str]]) -> dict[str, int]:
        """Commit pages of changes of these objects, and send whatever can be sent; then how many
        events of others than the poison are held back, of how many.
        """
        for page in pages:
            await self._courier.commit_page(lane, page)
        instance_id = self._courier.lane(lane).instance_id
        await self._await_none(QUERIES["count_to_send"], instance_id)
        row = await self._courier.database.fetchrow(QUERIES["count_held_back"], instance_id)
        return {} if row is None else dict(row)

    async def _await_delivered(self, lanes: Sequence[int]) -> None:
        ids = [self._courier.lane(number).instance_id for number in lanes]
        await self._await_none(DELIVERIES["is_anything_unfinished"], ids)

    async def _await_none(self, question: str, about: object) -> None:
        async with asyncio.timeout(DELIVER_SECONDS):
            while await self._courier.database.fetchval(question, about):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_SECONDS)  # a commit sets no event

    def handlers(self) -> Mapping[str, Any]:
        """What may be asked."""
        return {name: getattr(self, name) for name in ("trouble", "silence", "pace", "poison")}


async def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "courier.log").open("w") as log:
        configure_logs("info", "json", log)
        async with open_courier(folder) as courier:
            await serve({**courier.handlers(), **Neighbours(courier).handlers()})


if __name__ == "__main__":
    asyncio.run(main())
