"""Runs every mutant in a copy of the tree: each must make the tests it names fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.patches import ROOT, DoesNotApply, Mutant, load_mutants

AT_ONCE = 2
COPIED = ("daemon", "tests", "bench", "pyproject.toml", "config.example.yaml")
LONGEST_SECONDS = 180
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--tb=no", "-rfE")
PASSED, FAILED = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a mutant; `word` is `killed` if all is well."""

    mutant: Mutant
    word: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of tests: pytest's status, and the tests that failed."""

    status: int
    failed: Sequence[str]


def main(names: Sequence[str]) -> int:
    """Run all mutants, or those whose names are given; 0 if all of them are killed."""
    mutants = [one for one in load_mutants() if not names or one.name in names]
    if unknown := set(names) - {one.name for one in mutants}:
        print("There is no mutant named", ", ".join(sorted(unknown)))
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = [_copy(Path(folder) / str(number)) for number in range(AT_ONCE)]
        if not _all_pass(copies[0], mutants):
            return 1
        verdicts = _judge_all(mutants, copies)
    killed = sum(verdict.word == "killed" for verdict in verdicts)
    print(f"{killed} of {len(verdicts)} killed in {time.monotonic() - began:.0f} seconds")
    return 0 if killed == len(verdicts) > 0 else 1


def _copy(target: Path) -> Path:
    target.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.patch")
            shutil.copytree(source, target / name, ignore=ignored)
        else:
            shutil.copy(source, target / name)
    return target


def _all_pass(copy: Path, mutants: Sequence[Mutant]) -> bool:
    """Tests that fail anyway prove nothing."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    run = _run_tests(copy, tests)
    if run.status != PASSED:
        print("These must pass before anything is taken out:", *run.failed, sep="\n  ")
        print(f"pytest ended with status {run.status}")
    return run.status == PASSED


def _judge_all(mutants: Sequence[Mutant], copies: Sequence[Path]) -> Sequence[Verdict]:
    free: SimpleQueue[Path] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def judge(mutant: Mutant) -> Verdict:
        copy = free.get()
        try:
            return _judge(mutant, copy)
        finally:
            free.put(copy)

    verdicts: list[Verdict] = []
    with ThreadPoolExecutor(len(copies)) as pool:
        for verdict in pool.map(judge, mutants):
            verdicts.append(verdict)
            _print(verdict)
    return verdicts


def _print(verdict: Verdict) -> None:
    mutant = verdict.mutant
    print(f"{verdict.word:<14}{verdict.seconds:5.1f} s  {mutant.rule:<32}{mutant.remedy}")
    for test in mutant.tests:
        print(f"{'':<54}{test}", flush=True)


def _judge(mutant: Mutant, copy: Path) -> Verdict:
    began = time.monotonic()
    try:
        patched = mutant.applied(copy)
    except DoesNotApply:
        return Verdict(mutant=mutant, word="does not apply", seconds=0.0)
    originals = {path: path.read_text("utf-8") for path in patched}
    try:
        _write(patched)
        run = _run_tests(copy, mutant.tests)
    finally:
        _write(originals)
    return Verdict(mutant=mutant, word=_word(mutant, run), seconds=time.monotonic() - began)


def _write(texts: Mapping[Path, str]) -> None:
    """Compiled files go too: they are told from outdated ones by whole seconds and sizes only."""
    for path, text in texts.items():
        path.write_text(text, "utf-8")
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()


def _word(mutant: Mutant, run: Run) -> str:
    if run.status not in (PASSED, FAILED):
        return f"broken ({run.status})"
    noticed = all(any(one.startswith(test) for one in run.failed) for test in mutant.tests)
    return "killed" if noticed else "SURVIVED"


def _run_tests(copy: Path, tests: Sequence[str]) -> Run:
    """The copy's own code is what they import, since it is where they run."""
    command = [sys.executable, *PYTEST, f"--timeout={LONGEST_SECONDS}", *tests]
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    done = subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    lines = [line.partition(" ") for line in done.stdout.splitlines()]
    failed = [rest.partition(" - ")[0] for word, _, rest in lines if word in ("FAILED", "ERROR")]
    return Run(status=done.returncode, failed=failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
