"""The provider: a worker that speaks just enough Octopus to be polled, at next to no cost."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from bench.http import Reply, Request, header, listen, response
from bench.pile import Pile
from bench.question import parse_question
from bench.shelf import Shelf
from bench.side import Counts, Hold, Side
from bench.worker import serve

DONE = response(b'{"Code":0}', b"Content-Type: application/json")
REFUSED = response(
    b'{"Code":-1,"Msg":["The provider of the benchmarks does not know this question"]}',
    b"Content-Type: application/json",
)


class Provider:
    """Serves the sides, told apart by the token `<side>-<lane>` of a call."""

    def __init__(self) -> None:
        self._sides: dict[str, Side] = {}
        self._piles: dict[str, Pile] = {}

    def handle(self, request: Request, reply: Reply) -> None:
        """One call of the API."""
        if request.target.lower().endswith(b"/tokenvalid"):
            reply(DONE)
            return
        question = parse_question(request.body)
        if question is None:
            reply(REFUSED)
            return
        name, _, lane = header(request, b"authorization").decode().partition(" ")[2].rpartition("-")
        self._sides[name].ask(int(lane), question, reply)

    async def open(self, side: str, lanes: int, objects: int) -> None:
        """A new side, each of its lanes with so many objects."""
        self._sides[side] = Side(shelves=[Shelf(lane, objects) for lane in range(lanes)])

    async def open_pile(self, side: str, objects: int) -> None:
        """A new side of one lane that shows so many objects."""
        pile = self._piles[side] = Pile(0, objects)
        self._sides[side] = Side(shelves=[pile])

    async def read_of_pile(self, side: str) -> dict[str, Any]:
        """See Heap."""
        return asdict(self._piles[side].read)

    async def change(
        self, side: str, objects: int, advance_seconds: float, step_seconds: float
    ) -> int:
        """See Side.change."""
        advance, step = timedelta(seconds=advance_seconds), timedelta(seconds=step_seconds)
        return self._sides[side].change(objects, advance, step)

    async def change_one(self, side: str) -> int:
        """See Side.change_one."""
        return self._sides[side].change_one()

    async def stream(self, side: str, on: bool) -> None:
        """Whether each page shows one more change."""
        self._sides[side].streaming = on

    async def tick(self, side: str, on: bool, varying: bool) -> None:
        """Whether each page comes a second later than the one before, and in other bytes."""
        self._sides[side].ticking, self._sides[side].varying = on, varying

    async def told(self, side: str) -> list[tuple[int, int, float]]:
        """Version, lane and instant of each change that was shown while streaming, told once."""
        told, self._sides[side].told = self._sides[side].told, []
        return told

    async def hold(self, side: str, what: str) -> None:
        """From now on let these questions wait."""
        self._sides[side].hold = Hold(what)

    async def await_held(self, side: str, count: int) -> None:
        """See Side.await_held."""
        await self._sides[side].await_held(count)

    async def let_go(self, side: str, then_hold: str) -> None:
        """Answer what waits, counting from here on; then hold again."""
        self._sides[side].counts = Counts()
        self._sides[side].let_go(Hold(then_hold))

    async def counts(self, side: str) -> dict[str, Any]:
        """See Counts."""
        return asdict(self._sides[side].counts)

    async def reset(self, side: str) -> None:
        """Count from here on."""
        self._sides[side].counts = Counts()


async def main() -> None:
    provider = Provider()

    async def start() -> str:
        return await listen(provider.handle)

    await serve(
        {
            "start": start,
            "open": provider.open,
            "open_pile": provider.open_pile,
            "read_of_pile": provider.read_of_pile,
            "change": provider.change,
            "change_one": provider.change_one,
            "stream": provider.stream,
            "tick": provider.tick,
            "told": provider.told,
            "hold": provider.hold,
            "await_held": provider.await_held,
            "let_go": provider.let_go,
            "counts": provider.counts,
            "reset": provider.reset,
        }
    )


if __name__ == "__main__":
    asyncio.run(main())
