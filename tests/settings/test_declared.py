"""Declared instances as the file shapes them, and the references that keep secrets out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.errors import InvalidInput
from daemon.settings import InvalidSettings, Settings, load_settings


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(text: str, **environ: str) -> Settings:
    path = Path("config.yaml")
    path.write_text(text, "utf-8")
    return load_settings(path, environ)


def faults(text: str, **environ: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        load(text, **environ)
    return [str(fault) for fault in caught.value.faults]


def test_an_entry_needs_a_name_and_an_element_and_has_the_rest_by_default() -> None:
    (entry,) = load("instances: [{name: Acme, element: 5127}]").instances
    assert (entry.name, entry.element, entry.enabled) == ("Acme", "5127", True)
    assert (entry.tags, entry.configuration, entry.on_filter_change) == ((), {}, "keep")


def test_every_fault_of_the_shape_is_told_with_its_line() -> None:
    text = """
instances:
  - name: ""
    element: maximizer
    enabled: perhaps
  - element: maximizer
    colour: blue
    tags: x
    configuration: hunter2
"""
    assert faults(text) == [
        "config.yaml, line 3: instances[0].name: must not be empty",
        "config.yaml, line 5: instances[0].enabled: has to be true or false",
        "config.yaml, line 6: instances[1].name: is needed",
        "config.yaml, line 7: instances[1].colour: is not a known key",
        "config.yaml, line 8: instances[1].tags: has to be a list",
        "config.yaml, line 9: instances[1].configuration: has to hold keys of its own",
    ]


def test_two_instances_of_one_name_are_refused() -> None:
    text = "instances:\n  - {name: A, element: x}\n  - {name: A, element: x}\n"
    assert faults(text) == [
        "config.yaml, line 3: instances[1].name: is the name of instances[0], too"
    ]


def test_what_is_not_at_fault_can_be_had_to_look_for_more() -> None:
    text = """
polling: {page_size: 0, overlap_seconds: 60}
database: {pool_size: 50}
zzz: 1
instances:
  - {name: First, element: x, colour: blue}
  - {name: Second, element: x}
"""
    with pytest.raises(InvalidSettings) as caught:
        load(text)
    rest = caught.value.rest
    assert len(caught.value.faults) == 4
    assert (rest.polling.page_size, rest.polling.overlap_seconds) == (100, 60)
    assert rest.database.pool_size == 10
    assert [entry.name for entry in rest.instances] == ["Second"]
    fault = rest.fault(("instances", 0, "element"), "is none")
    assert str(fault) == "config.yaml, line 7: instances[1].element: is none"


@pytest.mark.parametrize(
    "text", ["instances: 5", "instances: [5]", "instances: {a: 1}", "admin: 1"]
)
def test_what_has_no_shape_at_all_leaves_the_defaults(text: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        load(text)
    assert caught.value.rest.model_dump() == Settings().model_dump()


def test_references_are_followed_wherever_they_stand(here: Path) -> None:
    (here / "token").write_text("from a file\n", "utf-8")
    text = """
instances:
  - name: Acme
    element: maximizer
    configuration:
      a: ${env:KEY}
      b: ${file:token}
      c: {deep: ["Bearer ${env:KEY}", "${date:yyyy}"]}
"""
    (entry,) = load(text, KEY="from outside").instances
    assert entry.configuration == {
        "a": "from outside",
        "b": "from a file",
        "c": {"deep": ["Bearer from outside", "${date:yyyy}"]},
    }
    assert "from" not in repr(entry)


def test_a_reference_that_leads_nowhere_is_told_with_its_line() -> None:
    text = """
instances:
  - name: Acme
    element: maximizer
    configuration:
      a: ${env:ABSENT}
      b: ${file:/nowhere/token}
"""
    assert faults(text) == [
        "config.yaml, line 6: instances[0].configuration.a: ${env:ABSENT}:"
        " there is no such environment variable",
        "config.yaml, line 7: instances[0].configuration.b: ${file:/nowhere/token}:"
        " No such file or directory",
    ]


def test_instances_may_be_declared_by_a_variable() -> None:
    (entry,) = load("", POLLHOOK_INSTANCES='[{"name": "Acme", "element": "maximizer"}]').instances
    assert entry.name == "Acme"
