"""The database as the store sees it: a pool, transactions, named queries and one kind of outage."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from importlib import resources
from typing import Any, Self, TypeAlias, TypeVar

import asyncpg
import orjson
import structlog

from daemon.errors import DatabaseFull, DatabaseUnavailable, Fault, InvalidInput

log = structlog.get_logger(__name__)

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Session: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Row: TypeAlias = asyncpg.Record
T = TypeVar("T")

OUTAGES = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,  # a session is used while word of its end is still being read
    OSError,
    TimeoutError,
)
"""What a server that is gone, going or not yet there raises; no fault of a statement."""

COLLISIONS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
MAX_COLLISIONS = 5
IDLE_IN_TRANSACTION_SECONDS = 5.0


def load_queries(name: str) -> Mapping[str, str]:
    """The named queries of `sql/<name>.sql`: each begins with a line `-- name: <query>`."""
    text = resources.files("daemon.store").joinpath("sql", f"{name}.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


class Database:
    """A pool of connections. Every method raises DatabaseUnavailable while the server is away, and
    before the first `connect`."""

    def __init__(self) -> None:
        self._connected: asyncpg.Pool[asyncpg.Record] | None = None
        self._arguments: Mapping[str, Any] = {}

    @classmethod
    async def open(
        cls, connect: str | Mapping[str, Any], *, pool_size: int = 10, idle_seconds: float = 300
    ) -> Self:
        """A database that is connected at once."""
        database = cls()
        await database.connect(connect, pool_size=pool_size, idle_seconds=idle_seconds)
        return database

    async def connect(
        self,
        connect: str | Mapping[str, Any],
        *,
        pool_size: int = 10,
        idle_seconds: float = 300,
        idle_in_transaction_seconds: float = IDLE_IN_TRANSACTION_SECONDS,
    ) -> None:
        """Connect by a DSN or by asyncpg's own arguments, and try one connection.

        `idle_in_transaction_seconds` is how long a session may keep its locks doing nothing. Raises
        InvalidInput for a DSN that asks for what cannot be.
        """
        arguments: dict[str, Any] = {"dsn": connect} if isinstance(connect, str) else {**connect}
        self._arguments = arguments
        limit = {"idle_in_transaction_session_timeout": f"{idle_in_transaction_seconds * 1000:.0f}"}
        pool = asyncpg.create_pool(
            **arguments,
            min_size=0,  # with a floor, asyncpg logs a trace for each attempt to restore it
            max_size=pool_size,
            max_inactive_connection_lifetime=idle_seconds,
            timeout=10,
            command_timeout=60,
            init=_prepare_session,
            reset=_leave_as_it_is,
            server_settings=_SESSION | limit,
        )
        with _outages():
            await pool
            try:
                async with pool.acquire():
                    self._connected = pool
            except BaseException:
                pool.terminate()
                raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back, cutting them after five seconds, or at once if the server
        is gone: whoever closes has nothing left to ask, and an error here would hide the cause."""
        if self._connected is None:
            return
        try:
            async with asyncio.timeout(5):
                await self._connected.close()
        except OUTAGES:
            self._connected.terminate()

    def cut_off(self) -> None:
        """End all sessions at once, and with an outage whatever waits for an answer in one."""
        if self._connected is not None:
            log.warning("database.cut_off")
            self._connected.terminate()

    @property
    def _pool(self) -> asyncpg.Pool[asyncpg.Record]:
        if self._connected is None:
            raise DatabaseUnavailable("The database has not been reached yet.")
        return self._connected

    async def fetch(self, query: str, *arguments: object) -> list[Row]:
        with _outages():
            return await self._pool.fetch(query, *arguments)

    async def fetchrow(self, query: str, *arguments: object) -> Row | None:
        with _outages():
            return await self._pool.fetchrow(query, *arguments)

    async def fetchval(self, query: str, *arguments: object) -> Any:
        with _outages():
            return await self._pool.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: object) -> str:
        with _outages():
            return await self._pool.execute(query, *arguments)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction on one connection; leaving by an exception rolls it back."""
        with _outages():
            async with self._pool.acquire() as connection, connection.transaction():
                yield connection

    async def run_transaction(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in a transaction, again if it collides with another one (deadlock)."""
        for collisions_left in reversed(range(MAX_COLLISIONS)):
            try:
                async with self.transaction() as connection:
                    return await work(connection)
            except COLLISIONS:
                if not collisions_left:
                    raise
        raise AssertionError("unreachable: the last collision is raised")

    @contextlib.asynccontextmanager
    async def listen(self, channel: str, hear: Callable[[str], None]) -> AsyncIterator[Session]:
        """A session beside the pool, in which everything said on a channel is heard."""
        with _outages():
            if self._connected is None:
                raise DatabaseUnavailable("The database has not been reached yet.")
            session = await asyncpg.connect(
                **self._arguments, timeout=10, command_timeout=10, server_settings=_SESSION
            )
            try:
                await session.add_listener(channel, lambda *said: hear(str(said[-1])))
                yield session
            finally:
                session.terminate()


_SESSION = {
    "application_name": "pollhook",
    "timezone": "UTC",
    "jit": "off",
    "lock_timeout": "30s",
}


async def _prepare_session(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Let jsonb columns come and go as Python objects."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + orjson.dumps(value),
        decoder=lambda data: orjson.loads(data[1:]),
    )


async def _leave_as_it_is(_: object) -> None:
    """Of a session nothing is set, listened to or locked beyond a transaction: to undo that each
    time would be one more round trip."""


@contextlib.contextmanager
def _outages() -> Iterator[None]:
    try:
        yield
    except asyncpg.ClientConfigurationError as error:
        raise InvalidInput([Fault(field="database.dsn", message=f"is wrong: {error}")]) from error
    except asyncpg.DiskFullError as error:
        # Without the file's name: a lasting trouble is one reason, not as many as there are files.
        reason = str(error).splitlines()[0].rpartition(": ")[2]
        raise DatabaseFull(f"The database has no room left: {reason}") from error
    except OUTAGES as error:
        reason = str(error) or type(error).__name__
        raise DatabaseUnavailable(f"The database does not answer: {reason}") from error
    except asyncpg.InterfaceError as error:
        if "clos" not in str(error):  # asyncpg has no class of its own for a closed connection
            raise
        raise DatabaseUnavailable(f"The database connection is closed: {error}") from error
