"""A relay in front of PostgreSQL's socket: a test can cut a database off and bring it back."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from daemon.store.embedded import ServerAddress


class Relay:
    """`cut` ends all sessions and refuses new ones until `restore`."""

    def __init__(self, target: ServerAddress, folder: Path) -> None:
        name = f".s.PGSQL.{target.port}"
        self.address = replace(target, host=str(folder))
        self._target = Path(target.host) / name
        self._socket = folder / name
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    async def restore(self) -> None:
        self._server = await asyncio.start_unix_server(self._accept, self._socket)

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._socket.unlink()
            self._server = None
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_unix_connection(self._target)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_copy(reader, to_writer))
                tasks.create_task(_copy(to_reader, writer))
        finally:
            for end in (writer, to_writer):
                end.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def relay_to(target: ServerAddress) -> AsyncIterator[Relay]:
    """A relay that works until it is cut; its folder has a short name, as sockets demand."""
    with tempfile.TemporaryDirectory(prefix="relay") as folder:
        relay = Relay(target, Path(folder))
        await relay.restore()
        try:
            yield relay
        finally:
            await relay.cut()
