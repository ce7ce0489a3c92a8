"""The example configuration is the settings tree, written out."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo

from daemon.declarations import check_configuration
from daemon.settings import Settings, load_settings
from daemon.settings.config_file import dotted
from daemon.settings.sources import KNOWN, SECTIONS

EXAMPLE = Path(__file__).parent.parent / "config.example.yaml"
COUNTED = (
    "Attempts",
    "Bytes",
    "Calls",
    "Connections",
    "Days",
    "Fraction",
    "Minutes",
    "Polls",
    "Records",
    "Seconds",
    "TCP port",
)
UNIT_BY_SUFFIX = {"_seconds": "Seconds", "_minutes": "Minutes", "_days": "Days", "_bytes": "Bytes"}


def _keys(values: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in values.items():
        key = (*prefix, name)
        if isinstance(value, dict):
            yield from _keys(value, key)
        else:
            yield key


def _comments() -> dict[tuple[str, ...], str]:
    """What stands above each key, on one line."""
    comments: dict[tuple[str, ...], str] = {}
    path: list[str] = []
    above: list[str] = []
    for line in EXAMPLE.read_text("utf-8").splitlines():
        if comment := re.fullmatch(r" *# ?(.*)", line):
            above.append(comment[1])
        elif key := re.match(r"( *)([a-z_]+):", line):
            path[len(key[1]) // 2 :] = [key[2]]
            comments[tuple(path)] = " ".join(above)
            above = []
        else:
            above = []
    return comments


def _bounds(info: FieldInfo) -> str:
    low = next((f"{m.ge:.15g}" for m in info.metadata if isinstance(m, Ge)), None) or next(
        (f"more than {m.gt:.15g}" for m in info.metadata if isinstance(m, Gt)), None
    )
    high = next((f"{m.le:.15g}" for m in info.metadata if isinstance(m, Le)), None)
    return f" ({low} to {high})" if low and high else ""


def expected_comment(info: FieldInfo) -> str:
    return " ".join(f"{info.description}{_bounds(info)}".split())


def test_loading_the_example_gives_the_defaults() -> None:
    assert load_settings(EXAMPLE, {}).model_dump() == Settings().model_dump()


def test_the_example_holds_every_key_in_the_order_of_the_tree() -> None:
    values = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    assert list(_keys(values)) == list(KNOWN)


async def test_the_declared_instance_of_the_example_has_no_fault(tmp_path: Path) -> None:
    text = EXAMPLE.read_text("utf-8")
    above, _, below = text.partition("instances: []\n")
    entry = re.search(r"^#  - name: .*", below, re.MULTILINE | re.DOTALL)
    assert entry is not None
    shown = re.sub(r"^#", "", entry[0], flags=re.MULTILINE)
    (tmp_path / "secret").write_text("s", "utf-8")
    shown = re.sub(r"\$\{file:[^}]*\}", f"${{file:{tmp_path / 'secret'}}}", shown)
    path = tmp_path / "config.yaml"
    path.write_text(f"{above}instances:\n{shown}", "utf-8")
    environ = {"MAXIMIZER_KEY": "k", "SIGNATURE_KEY": "k"}
    settings = await check_configuration(path, environ)
    assert [each.name for each in settings.instances] == ["Acme"]


@pytest.mark.parametrize("key", KNOWN, ids=dotted)
def test_the_comment_above_a_key_is_its_description_and_bounds(key: tuple[str, ...]) -> None:
    assert _comments()[key] == expected_comment(KNOWN[key])


@pytest.mark.parametrize(
    "key",
    [key for key, info in KNOWN.items() if info.annotation in (int, float)],
    ids=dotted,
)
def test_a_number_says_what_it_counts_and_how_far_it_goes(key: tuple[str, ...]) -> None:
    comment = _comments()[key]
    wanted = next((u for s, u in UNIT_BY_SUFFIX.items() if key[-1].endswith(s)), COUNTED)
    assert comment.startswith(wanted)
    assert re.search(r"\((more than )?[\d.]+ to [\d.]+\)$", comment)


@pytest.mark.parametrize("section", sorted(SECTIONS), ids=dotted)
def test_every_section_says_what_it_is_about(section: tuple[str, ...]) -> None:
    assert _comments()[section].endswith(".")
