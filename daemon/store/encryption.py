"""The keyring: seals secrets for the database, so that a copy of it alone gives nothing away."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from daemon.errors import UndecryptableSecret
from daemon.store.key_file import KeyFile

NONCE_BYTES = 12
ID_BYTES = 8
FORMAT = b"\x01"
HEADER_BYTES = len(FORMAT) + ID_BYTES


def open_keyring(path: Path) -> Keyring:
    """The keys of a file, which is made with one fresh key if it does not exist.

    Raises InvalidInput naming file and line.
    """
    file = KeyFile(path)
    file.ensure()
    return Keyring(file.read(), file)


class Keyring:
    """AES-256-GCM under the first key; every key opens.

    A sealed value is one format byte, eight bytes that name the key, the nonce and the ciphertext.
    The context (such as `instances.credentials:42`) is authenticated with it, so that a value moved
    to another row or column does not open.

    With a file, keys that are added to it while the daemon runs hold at once: before something is
    sealed, and when something is under a key that is not known. Keys taken out of it go on opening
    until the end.
    """

    __slots__ = ("_ciphers", "_file", "_first")

    def __init__(self, keys: Sequence[bytes], file: KeyFile | None = None) -> None:
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._first = _key_id(keys[0])
        self._file = file

    @property
    def current_id(self) -> bytes:
        """Which key seals."""
        self._look()
        return self._first

    def seal(self, plaintext: bytes, *, context: str) -> bytes:
        """The value to store."""
        self._look()
        nonce = secrets.token_bytes(NONCE_BYTES)
        cipher = self._ciphers[self._first]
        return FORMAT + self._first + nonce + cipher.encrypt(nonce, plaintext, context.encode())

    def open(self, sealed: bytes, *, context: str) -> bytes:
        """The stored value in clear. Raises UndecryptableSecret."""
        if sealed[:1] == FORMAT and key_id(sealed) not in self._ciphers:
            self._look()
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

    def _look(self) -> None:
        keys = self._file.read_if_changed() if self._file else None
        if keys:
            self._ciphers |= {_key_id(key): AESGCM(key) for key in keys}
            self._first = _key_id(keys[0])


def key_id(sealed: bytes) -> bytes:
    """Which key a sealed value names."""
    return sealed[len(FORMAT) : HEADER_BYTES]


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"pollhook key id\x00" + key).digest()[:ID_BYTES]
