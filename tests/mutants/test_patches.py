"""The mutants do not rot: each still applies to code that can be run, and names real tests."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.mutants.patches import ROOT, DoesNotApply, Hunk, Mutant, load_mutants, read_mutant

MUTANTS = {mutant.name: mutant for mutant in load_mutants()}
PATCH = """\
Remedy: the second line counts
Rule: Nothing
Test: tests/x.py::test_x

--- a/some/file.py
+++ b/some/file.py
@@ -1,3 +1,3 @@
 one
-two
+2

@@ -9 +9 @@
-nine
"""


@cache
def _tests_of(path: Path) -> frozenset[str]:
    return frozenset(
        re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    )


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_mutant_applies_and_names_tests_that_exist(mutant: Mutant) -> None:
    for path, text in mutant.applied(ROOT).items():
        assert path.is_relative_to(ROOT / "daemon")
        assert text != path.read_text("utf-8")
        if path.suffix == ".py":
            ast.parse(text)
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert name.partition("[")[0] in _tests_of(ROOT / file), test


def test_there_are_many_and_each_takes_out_something_else() -> None:
    assert len(MUTANTS) >= 25
    assert len({mutant.remedy for mutant in MUTANTS.values()}) == len(MUTANTS)
    assert len({mutant.hunks for mutant in MUTANTS.values()}) == len(MUTANTS)


def test_a_patch_is_read_and_applied_wherever_its_lines_are(tmp_path: Path) -> None:
    mutant = read_mutant("second", PATCH)
    assert mutant.remedy == "the second line counts"
    assert mutant.hunks == (
        Hunk(path="some/file.py", before="one\ntwo\n\n", after="one\n2\n\n"),
        Hunk(path="some/file.py", before="nine\n", after=""),
    )
    file = tmp_path / "some/file.py"
    file.parent.mkdir()
    file.write_text("zero\none\ntwo\n\nnine\n")
    assert mutant.applied(tmp_path) == {file: "zero\none\n2\n\n"}
    file.write_text("nine\n")
    with pytest.raises(DoesNotApply, match="0 times"):
        mutant.applied(tmp_path)
