"""The keyring: seals secrets for the database, so that a copy of it alone gives nothing away."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from daemon.errors import Fault, InvalidInput, UndecryptableSecret
from daemon.store.private_file import create_private_file

KEY_BYTES = 32
NONCE_BYTES = 12
ID_BYTES = 8
FORMAT = b"\x01"
HEADER_BYTES = len(FORMAT) + ID_BYTES


def open_keyring(path: Path) -> Keyring:
    """The keys of a file, which is made with one fresh key (mode 0600) if it does not exist.

    One key of 32 bytes a line, base64 or hex; empty lines and lines that begin with # do not count.
    Raises InvalidInput naming file and line.
    """
    if not path.exists():
        create_private_file(path, base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
    return Keyring(_read_keys(path))


class Keyring:
    """AES-256-GCM under the first key; every key opens.

    A sealed value is one format byte, eight bytes that name the key, the nonce and the ciphertext.
    The context (such as `instances.credentials:42`) is authenticated with it, so that a value moved
    to another row or column does not open.
    """

    __slots__ = ("_ciphers", "_first")

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._first = _key_id(keys[0])

    def seal(self, plaintext: bytes, *, context: str) -> bytes:
        """The value to store."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        cipher = self._ciphers[self._first]
        return FORMAT + self._first + nonce + cipher.encrypt(nonce, plaintext, context.encode())

    def open(self, sealed: bytes, *, context: str) -> bytes:
        """The stored value in clear. Raises UndecryptableSecret."""
        cipher = self._ciphers.get(key_id(sealed)) if sealed[:1] == FORMAT else None
        if cipher is None:
            raise UndecryptableSecret(
                f"{context} was encrypted with a key that is not in the key file"
            )
        nonce = sealed[HEADER_BYTES : HEADER_BYTES + NONCE_BYTES]
        try:
            return cipher.decrypt(nonce, sealed[HEADER_BYTES + NONCE_BYTES :], context.encode())
        except (InvalidTag, ValueError) as error:
            raise UndecryptableSecret(f"{context} is damaged or was moved") from error

    def is_current(self, sealed: bytes) -> bool:
        """Whether the value is under the first key already."""
        return sealed[:1] == FORMAT and key_id(sealed) == self._first

    def check(self, used: Iterable[bytes]) -> None:
        """Raises UndecryptableSecret if one of the key ids found in the database is unknown."""
        missing = sorted(
            {identifier.hex() for identifier in used if identifier not in self._ciphers}
        )
        if missing:
            raise UndecryptableSecret(
                "security.encryption_keys_file lacks a key that stored secrets are encrypted with"
                f" (key id {', '.join(missing)}); put the old key back, after the newer ones"
            )


def key_id(sealed: bytes) -> bytes:
    """Which key a sealed value names."""
    return sealed[len(FORMAT) : HEADER_BYTES]


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"pollhook key id\x00" + key).digest()[:ID_BYTES]


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
