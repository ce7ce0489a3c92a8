"""The key file: the keys that encrypt stored secrets, which commands may add to at any time."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Sequence
from pathlib import Path

import structlog

from daemon.errors import Fault, InvalidInput
from daemon.store.private_file import create_private_file, replace_private_file

log = structlog.get_logger(__name__)

KEY_BYTES = 32


class KeyFile:
    """One key of 32 bytes a line, base64 or hex, the first one encrypting; mode 0600.

    Empty lines and lines that begin with # do not count.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, ...] | None = None

    def ensure(self) -> None:
        """Make the file with one fresh key if there is none."""
        if not self.path.exists():
            create_private_file(self.path, _fresh_key())

    def read(self) -> Sequence[bytes]:
        """The keys. Raises InvalidInput naming file and line."""
        self._seen = self._identity()
        return _read_keys(self.path)

    def read_if_changed(self) -> Sequence[bytes] | None:
        """The keys, if the file is another than the last time and can be read."""
        identity = self._identity()
        if identity in (None, self._seen):
            return None
        try:
            return self.read()
        except InvalidInput as error:
            log.warning("keys.unreadable", reason=str(error))
            return None

    def add_fresh(self) -> None:
        """Put a fresh key before the others: it encrypts from now on, and the others still open."""
        replace_private_file(self.path, _fresh_key() + self.path.read_bytes())

    def _identity(self) -> tuple[int, ...] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns


def _fresh_key() -> bytes:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n"


def _read_keys(path: Path) -> list[bytes]:
    try:
        lines = path.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput([_fault(f"{path} cannot be read: {error}")]) from error
    entries = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    entries = [(number, line) for number, line in entries if line and not line.startswith("#")]
    if not entries:
        raise InvalidInput([_fault(f"{path} holds no key")])
    return [_decode(line, f"{path}, line {number}") for number, line in entries]


def _decode(line: str, place: str) -> bytes:
    try:
        key = bytes.fromhex(line) if len(line) == 2 * KEY_BYTES else _base64(line)
    except (ValueError, binascii.Error) as error:
        raise InvalidInput([_fault(f"{place} is neither base64 nor hex")]) from error
    if len(key) != KEY_BYTES:
        raise InvalidInput([_fault(f"{place} holds {len(key)} bytes, a key has {KEY_BYTES}")])
    return key


def _base64(line: str) -> bytes:
    standard = line.replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)


def _fault(message: str) -> Fault:
    return Fault(field="security.encryption_keys_file", message=message)
