"""The keyring: what is sealed, what opens it, and what refuses to."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import InvalidInput, UndecryptableSecret
from daemon.store.encryption import Keyring, key_id, open_keyring

OLD = bytes(range(32))
NEW = bytes(range(32, 64))


@given(plaintext=st.binary(max_size=300), context=st.text(max_size=40))
def test_what_is_sealed_opens_in_its_context(plaintext: bytes, context: str) -> None:
    keyring = Keyring([OLD])
    assert keyring.open(keyring.seal(plaintext, context=context), context=context) == plaintext


def test_the_same_secret_is_never_sealed_to_the_same_bytes() -> None:
    keyring = Keyring([OLD])
    assert keyring.seal(b"secret", context="a:1") != keyring.seal(b"secret", context="a:1")


def test_a_sealed_secret_does_not_show_its_text() -> None:
    assert b"open sesame" not in Keyring([OLD]).seal(b"open sesame", context="a:1")


def test_a_secret_moved_to_another_row_does_not_open() -> None:
    keyring = Keyring([OLD])
    sealed = keyring.seal(b"secret", context="instances.token:1")
    with pytest.raises(UndecryptableSecret, match=r"instances\.token:2"):
        keyring.open(sealed, context="instances.token:2")


@pytest.mark.parametrize("position", [0, 3, 12, 25, -1], ids=lambda at: f"byte {at}")
def test_a_changed_byte_does_not_open(position: int) -> None:
    keyring = Keyring([OLD])
    sealed = bytearray(keyring.seal(b"secret", context="a:1"))
    sealed[position] ^= 1
    with pytest.raises(UndecryptableSecret):
        keyring.open(bytes(sealed), context="a:1")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" * 9, b"\x02" * 60], ids=repr)
def test_what_was_never_sealed_is_refused_in_words(sealed: bytes) -> None:
    with pytest.raises(UndecryptableSecret, match="a:1"):
        Keyring([OLD]).open(sealed, context="a:1")


def test_the_first_key_seals_and_every_key_opens() -> None:
    before, after = Keyring([OLD]), Keyring([NEW, OLD])
    old = before.seal(b"secret", context="a:1")
    new = after.seal(b"secret", context="a:1")
    assert after.open(old, context="a:1") == b"secret"
    assert after.current_id == key_id(new) != key_id(old)
    with pytest.raises(UndecryptableSecret):
        before.open(new, context="a:1")


def test_a_missing_key_is_named_before_it_is_needed() -> None:
    used = key_id(Keyring([OLD]).seal(b"", context=""))
    Keyring([NEW, OLD]).check([used])
    with pytest.raises(UndecryptableSecret, match=used.hex()):
        Keyring([NEW]).check([used])


def test_the_key_file_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "keys"
    sealed = open_keyring(path).seal(b"secret", context="a:1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_keyring(path).open(sealed, context="a:1") == b"secret"
    assert [file.name for file in path.parent.iterdir()] == ["keys"]


def test_keys_are_read_in_every_spelling(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(
        f"# newest first\n{NEW.hex()}\n\n  {base64.urlsafe_b64encode(OLD).decode().rstrip('=')}  \n"
    )
    keyring = open_keyring(path)
    assert keyring.open(Keyring([OLD]).seal(b"x", context="a"), context="a") == b"x"
    assert keyring.current_id == Keyring([NEW]).current_id


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no key"),
        ("# nothing\n", "holds no key"),
        (f"{OLD.hex()}\nnot a key!\n", "line 2 is neither"),
        ("c2hvcnQ=\n", "line 1 holds 5 bytes"),
        ("zz" * 32, "line 1 is neither"),
    ],
    ids=["empty", "only comments", "garbage", "short", "not hex"],
)
def test_a_bad_key_file_is_refused_with_file_and_line(
    tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "keys"
    path.write_text(content)
    with pytest.raises(InvalidInput, match=words) as caught:
        open_keyring(path)
    assert str(path) in str(caught.value)
    assert caught.value.faults[0].field == "security.encryption_keys_file"
    assert OLD.hex() not in str(caught.value)


def test_a_key_file_that_cannot_be_read_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        open_keyring(tmp_path)
