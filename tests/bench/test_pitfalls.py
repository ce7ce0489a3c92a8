from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bench.pitfalls.catalogue import PITFALLS
from bench.pitfalls.command import main
from bench.pitfalls.everything import Outcome
from bench.pitfalls.judge import COUNTED, Findings
from bench.pitfalls.table import as_json, lines

ROOT = Path(__file__).parents[2]
HARMLESS_TO_WATERMARKS = {21, 22, 28}
"""These befall other ways to poll."""
UNDATED = "13 no modification date on insert"


def put_through(names: Sequence[str], tmp_path: Path) -> Mapping[str, Mapping[str, int]]:
    """How the watermark poller fails in them."""
    file = tmp_path / "outcomes.json"
    command = ("-m", "bench.pitfalls", *names, "--contender=watermark poller", f"--json={file}")
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=230,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    outcomes = {each["title"]: each for each in json.loads(file.read_bytes())}
    assert [title for title in outcomes if title not in ended.stdout] == []
    return {
        title: {name: outcome[name] for name in COUNTED if outcome[name]}
        for title, outcome in outcomes.items()
    }


def test_scenarios_lead_into_their_pitfalls(tmp_path: Path) -> None:
    assert put_through(["late rows", "26"], tmp_path) == {
        "1 late rows": {"lost": 1},
        "26 errors in answers of status 200": {"silent": 1},
        "26 errors taken for an empty list": {"false_deletes": 160, "silent": 1},
    }


@pytest.mark.soak
@pytest.mark.timeout(240)
def test_every_scenario_leads_into_its_pitfall(tmp_path: Path) -> None:
    faults = put_through([], tmp_path)
    harmless = {PITFALLS[title].number for title, counts in faults.items() if not counts}
    assert harmless <= HARMLESS_TO_WATERMARKS
    assert faults.keys() == PITFALLS.keys()


def test_the_table_has_a_line_for_each_pitfall_and_contender() -> None:
    outcomes = [
        Outcome(pitfall=PITFALLS[UNDATED], contender="a", findings=Findings(), seconds=1),
        Outcome(
            pitfall=PITFALLS[UNDATED],
            contender="the other",
            findings=Findings(lost=2, details=["lost: contacts/1", "lost: contacts/2"]),
            seconds=1,
        ),
    ]
    shown = [*lines(outcomes)]
    assert [" ".join(line.split()) for line in shown[:3]] == [
        "lost repeated disordered false deletes wrong silent",
        "13 no modification date on insert a - - - - - -",
        "the other 2 - - - - -",
    ]
    assert shown[2].index("2") == shown[0].index("lost") + 3
    assert shown[3:] == [
        "a: 1 of 1 without a fault",
        "the other: 0 of 1 without a fault",
        f"13: {PITFALLS[UNDATED].note}",
    ]
    assert [each["lost"] for each in as_json(outcomes)] == [0, 2]


def test_a_scenario_that_broke_is_told_as_such() -> None:
    broken = Outcome(
        pitfall=PITFALLS["1 late rows"],
        contender="a",
        findings=Findings(),
        seconds=1,
        broken="Traceback\nValueError: no",
    )
    assert [*lines([broken])][1:] == [
        "1 late rows  a  broken: ValueError: no",
        "a: 0 of 1 without a fault",
    ]


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(SystemExit, match="there is no pitfall 'early rows'"):
        main(["early rows"])
