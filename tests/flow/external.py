"""An external database: a PostgreSQL server of its own that goes and returns."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from urllib.parse import urlencode

from daemon.store.embedded import EmbeddedPostgres, ServerAddress


class External:
    """A PostgreSQL server that can be taken away and brought back at the same address."""

    def __init__(self, folder: Path) -> None:
        self.address = ServerAddress(host=str(folder / "postgres" / "socket"))
        self._folder = folder
        self._server = EmbeddedPostgres(folder)

    async def come(self) -> None:
        self._server = EmbeddedPostgres(self._folder)
        assert await self._server.start() == self.address

    async def go(self) -> None:
        """An orderly shutdown, which cuts the sessions."""
        await self._server.stop()

    async def crash(self) -> None:
        pid_file = self._folder / "postgres" / "pgdata" / "postmaster.pid"
        os.kill(int(pid_file.read_text("ascii").splitlines()[0]), signal.SIGKILL)
        await self._server.wait()
        await self._server.stop()


def dsn_of(address: ServerAddress) -> str:
    """What `database.dsn` has to be for a server that is reached by its socket."""
    place = urlencode({"host": address.host, "port": address.port})
    return f"postgresql://{address.user}@/{address.database}?{place}"
