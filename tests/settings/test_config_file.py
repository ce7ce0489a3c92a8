from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import InvalidInput
from daemon.settings.config_file import (
    ConfigFault,
    ConfigFile,
    dotted,
    find_config_file,
    read_config_file,
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _read(folder: Path, text: str | bytes) -> ConfigFile:
    path = folder / "config.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_config_file(path)


def _faults(folder: Path, text: str | bytes) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        _read(folder, text)
    return [str(fault).removeprefix(f"{folder}/") for fault in caught.value.faults]


def test_the_file_named_on_the_command_line_comes_first(here: Path) -> None:
    (here / "config.yaml").touch()
    named = Path("named.yaml")
    assert find_config_file(named, {"POLLHOOK_CONFIG": "variable.yaml"}) == named


def test_the_variable_comes_before_the_local_file(here: Path) -> None:
    (here / "config.yaml").touch()
    assert find_config_file(None, {"POLLHOOK_CONFIG": "x.yaml"}) == Path("x.yaml")


def test_the_local_file_comes_before_the_systems(here: Path) -> None:
    (here / "config.yaml").touch()
    assert find_config_file(None, {}) == Path("config.yaml")


def test_the_systems_file_is_read_if_there_is_no_local_one(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = here / "etc.yaml"
    monkeypatch.setattr("daemon.settings.config_file.SYSTEM_FILE", system)
    assert find_config_file(None, {}) is None
    system.touch()
    assert find_config_file(None, {}) == system


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "~\n"])
def test_a_file_without_keys_is_empty(tmp_path: Path, text: str) -> None:
    assert _read(tmp_path, text).values == {}


def test_every_value_has_its_line(tmp_path: Path) -> None:
    file = _read(tmp_path, "a: 1\nb:\n  c: x\n  d:\n    - 5\n    - 6\n")
    assert file.values == {"a": 1, "b": {"c": "x", "d": [5, 6]}}
    assert {dotted(place): line for place, line in file.lines.items() if place} == {
        "a": 1,
        "b": 3,
        "b.c": 3,
        "b.d": 5,
        "b.d[0]": 5,
        "b.d[1]": 6,
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("15", 15),
        ("-3", -3),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("'15'", "15"),
        ('"true"', "true"),
        ("10:30", "10:30"),
        ("+02:00", "+02:00"),
        ("no", "no"),
        ("2026-01-01", "2026-01-01"),
        ("010", 10.0),
        ("30/10s", "30/10s"),
        (".inf", ".inf"),
        ("9" * 60, "9" * 60),
    ],
)
def test_a_plain_value_means_what_it_looks_like(tmp_path: Path, text: str, value: Any) -> None:
    read = _read(tmp_path, f"key: {text}\n").values["key"]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: 1\na: 2\n", "config.yaml, line 2: a: stands here a second time"),
        ("- 1\n", "config.yaml, line 1: the file: has to consist of `key: value` lines"),
        ("only words\n", "config.yaml, line 1: the file: has to consist of `key: value` lines"),
        ("a: !secret x\n", "config.yaml, line 1: a: must not have the tag !secret"),
        ("b:\n  ? [1, 2]\n  : 3\n", "config.yaml, line 2: b: has a key that is not text"),
        ("a: &x\n  b: *x\n", "config.yaml: the file: holds an alias of itself"),
        (b"a: \xff\n", "config.yaml: the file: is not UTF-8 text"),
    ],
    ids=["twice", "list", "text", "tag", "key", "recursive", "encoding"],
)
def test_what_is_no_configuration_is_refused_with_its_place(
    tmp_path: Path, text: str | bytes, fault: str
) -> None:
    assert _faults(tmp_path, text) == [fault]


def test_broken_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    (fault,) = _faults(tmp_path, "a: 1\nb: [1, 2\nc: 3\n")
    assert fault.startswith("config.yaml, line 3: the file: is not valid YAML: ")


def test_a_file_of_endless_brackets_is_refused(tmp_path: Path) -> None:
    (fault,) = _faults(tmp_path, "a: " + "[" * 500)
    assert "the file: is not valid YAML" in fault


def test_several_faults_are_told_at_once(tmp_path: Path) -> None:
    assert len(_faults(tmp_path, "a: 1\na: 2\nb: !x 1\n")) == 2


def test_a_missing_file_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_config_file(tmp_path / "absent.yaml")
    (fault,) = caught.value.faults
    assert isinstance(fault, ConfigFault)
    assert fault.source == str(tmp_path / "absent.yaml")
    assert fault.message == "cannot be read: No such file or directory"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read: Is a directory"):
        read_config_file(tmp_path)


def test_values_are_not_shown_when_a_file_is_logged(tmp_path: Path) -> None:
    assert "hunter2" not in repr(_read(tmp_path, "database: {dsn: hunter2}"))


@given(data=st.binary(max_size=200))
def test_any_bytes_give_values_or_a_fault(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    outcome: object
    try:
        outcome = read_config_file(path).values
    except InvalidInput as error:
        outcome = error.faults
    assert isinstance(outcome, dict | tuple)
