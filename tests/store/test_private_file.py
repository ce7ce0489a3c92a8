from __future__ import annotations

import stat
from pathlib import Path

import pytest

from daemon.errors import FolderUnusable
from daemon.store.private_file import create_private_file, make_folder, replace_private_file


def test_a_private_file_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "keys"
    assert create_private_file(path, b"first")
    assert not create_private_file(path, b"second")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"first", 0o600)
    replace_private_file(path, b"third")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"third", 0o600)
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_is_said_in_a_sentence_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for make in (
        make_folder,
        lambda path: create_private_file(path / "keys", b"x"),
        lambda path: replace_private_file(path / "keys", b"x"),
    ):
        with pytest.raises(FolderUnusable) as caught:
            make(tmp_path / "file" / "below")
        assert str(caught.value).startswith(f"{tmp_path / 'file' / 'below'}")
        assert str(caught.value).endswith(" cannot be written: Not a directory")
