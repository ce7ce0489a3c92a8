"""The callbacks: a worker that answers deliveries as the path asks, and notes when each arrived."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict

from bench.http import Reply, Request, header, listen, response
from bench.worker import serve

ACCEPTED = response(b"")
BUSY = response(b"", status=b"503 Service Unavailable")
POISON = b'"poison"'


class Callbacks:
    """Paths are `/<kind>/<lane>/<seconds>`: kinds are noted apart, the answer takes so many
    seconds. It is a 503 for the kind `busy`, and for the kind `poison` if the body tells of one.
    """

    def __init__(self) -> None:
        self._arrivals: dict[str, list[tuple[str, float]]] = defaultdict(list)

    def handle(self, request: Request, reply: Reply) -> None:
        """One notification."""
        _, kind, _, seconds = request.target.decode().split("/")
        webhook_id = header(request, b"webhook-id").decode()  # in lower case
        self._arrivals[kind].append((webhook_id, time.monotonic()))
        is_refused = kind == "busy" or (kind == "poison" and POISON in request.body)
        answer = BUSY if is_refused else ACCEPTED
        if seconds == "0":
            reply(answer)
        else:
            asyncio.get_running_loop().call_later(float(seconds), reply, answer)

    async def take(self, kind: str) -> list[tuple[str, float]]:
        """The `webhook-id` and monotonic instant of each arrival since it was last asked."""
        return self._arrivals.pop(kind, [])


async def main() -> None:
    callbacks = Callbacks()

    async def start() -> str:
        return await listen(callbacks.handle)

    await serve({"start": start, "take": callbacks.take})


if __name__ == "__main__":
    asyncio.run(main())
