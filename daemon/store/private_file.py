"""A private file: only its owner may read it, and it is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from daemon.errors import FolderUnusable

OWNER_ONLY = 0o600


def make_folder(path: Path) -> None:
    """Makes the folder if there is none. Raises FolderUnusable."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(path, error) from error


def create_private_file(path: Path, content: bytes) -> bool:
    """Puts the file in its place, on the disk, if there is none; False if there already was one.

    Raises FolderUnusable.
    """
    make_folder(path.parent)
    try:
        with _draft(path, content) as draft:
            # A link, other than a rename, never takes the place of what another process put there.
            path.hardlink_to(draft)
    except FileExistsError:
        return False
    return True


def replace_private_file(path: Path, content: bytes) -> None:
    """Puts the file in the place of the one that is there, whose owner keeps it.

    Raises FolderUnusable.
    """
    with _draft(path, content) as draft:
        owner = path.stat()
        if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(draft, owner.st_uid, owner.st_gid)
        draft.replace(path)


@contextlib.contextmanager
def _draft(path: Path, content: bytes) -> Iterator[Path]:
    """The content on the disk beside the file, to be put in its place inside."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(draft, content)
        yield draft
        _sync_directory(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise _unusable(path, error) from error
    finally:
        with contextlib.suppress(OSError):  # which would hide why it was not made
            draft.unlink(missing_ok=True)


def _unusable(path: Path, error: OSError) -> FolderUnusable:
    return FolderUnusable(f"{path} cannot be written: {error.strerror or error}")


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
