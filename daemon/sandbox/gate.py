"""The gate: where answers that are held back wait."""

import asyncio


class Gate:
    """Holds answers until they are released together."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._changed = asyncio.Condition()
        self.held = 0

    async def wait(self) -> None:
        """Waits until the answers held now are released."""
        opened = self._open
        await self._count(1)
        try:
            await opened.wait()
        finally:
            await self._count(-1)

    async def until_held(self, count: int) -> None:
        """Waits until at least so many answers are held."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.held >= count)

    def release(self) -> int:
        """Lets go all answers that are held and tells how many there were."""
        released = self.held
        self._open.set()
        self._open = asyncio.Event()
        return released

    async def _count(self, change: int) -> None:
        async with self._changed:
            self.held += change
            self._changed.notify_all()
