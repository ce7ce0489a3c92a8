"""The mutants: each takes one remedy out of the product, and names the tests that must notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent


class DoesNotApply(Exception):
    """The code that a mutant is about is not there any more, or there twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """Lines of one file, and what takes their place."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One patch. `remedy` says what is taken out, `rule` which rule or pitfall it belongs to;
    `tests` must all fail with it, in one of their cases at least."""

    name: str
    remedy: str
    rule: str
    tests: tuple[str, ...]
    hunks: tuple[Hunk, ...]

    def applied(self, root: Path) -> Mapping[Path, str]:
        """The files below the root as they are with the patch. Raises DoesNotApply.

        Lines are found by what they are, wherever they are, so that only changes of the code in
        question make a patch outdated.
        """
        texts: dict[Path, str] = {}
        for hunk in self.hunks:
            path = root / hunk.path
            text = texts.get(path) or (path.read_text("utf-8") if path.exists() else "")
            if text.count(hunk.before) != 1:
                found = text.count(hunk.before)
                raise DoesNotApply(f"{self.name}: {hunk.path} has its lines {found} times")
            texts[path] = text.replace(hunk.before, hunk.after)
        return texts


def load_mutants() -> Sequence[Mutant]:
    """All mutants by name."""
    return [read_mutant(path.stem, path.read_text("utf-8")) for path in _files()]


def read_mutant(name: str, text: str) -> Mutant:
    """A patch: `Remedy:`, `Rule:` and one or more `Test:` lines, then a unified diff."""
    header, _, diff = text.partition("\n\n")
    lines = [line.partition(": ") for line in header.splitlines()]

    def values(key: str) -> tuple[str, ...]:
        return tuple(value for found, _, value in lines if found == key)

    (remedy,), (rule,) = values("Remedy"), values("Rule")
    return Mutant(
        name=name, remedy=remedy, rule=rule, tests=values("Test"), hunks=tuple(_hunks(diff))
    )


def _hunks(diff: str) -> Sequence[Hunk]:
    hunks: list[Hunk] = []
    path, before, after = "", [""], [""]

    def close() -> None:
        if before[0] or after[0]:
            hunks.append(Hunk(path=path, before=before[0], after=after[0]))
        before[0] = after[0] = ""

    for line in diff.splitlines(keepends=True):
        if line.startswith(("--- ", "@@")):
            close()
        elif line.startswith("+++ "):
            path = line.removeprefix("+++ ").removeprefix("b/").strip()
        else:
            before[0] += "" if line.startswith("+") else line[1:] or "\n"
            after[0] += "" if line.startswith("-") else line[1:] or "\n"
    close()
    return hunks


def _files() -> Sequence[Path]:
    return sorted(FOLDER.glob("*.patch"))
