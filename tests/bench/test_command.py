from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from bench.command import BENCHMARKS, main
from bench.faults import CheckFailed
from bench.plan import RECORDS_PER_PAGE
from bench.report import Result
from bench.scene import Scene

ROOT = Path(__file__).parents[2]


RATES = {"events": "events_per_second", "idle": "polls_per_second"}


def run_quickly(names: Sequence[str], tmp_path: Path) -> Mapping[str, Any]:
    """The results as JSON; everything that was started and written has to be gone."""
    file, folder = tmp_path / "results.json", tmp_path / "folder"
    folder.mkdir()
    ended = subprocess.run(
        [sys.executable, "-m", "bench", *names, "--quick", f"--json={file}", f"--folder={folder}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=230,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert [*folder.iterdir()] == []
    for name in names:
        assert f"\n{name}: " in ended.stdout
    assert ended.stdout.count("calibration: ") == len(names)
    results: Mapping[str, Any] = orjson.loads(file.read_bytes())["results"]
    assert results.keys() == set(names)
    return results


def check_ratio(name: str, values: Mapping[str, Any]) -> None:
    ours, theirs = (values[side][0][RATES[name]] for side in ("product", "bare"))
    assert values["ratio"] == pytest.approx(ours / theirs)


@pytest.mark.timeout(240)
def test_a_quick_run_measures_the_product_beside_the_bare_pipeline(tmp_path: Path) -> None:
    results = run_quickly(["events", "commit"], tmp_path)
    check_ratio("events", results["events"]["values"])
    assert min(results["events"]["calibration"]["blake2b_200kb_milliseconds"]) > 0
    assert len(results["commit"]["values"]["changed"]["full"]) == 10


@pytest.mark.soak
@pytest.mark.timeout(240)
def test_a_quick_run_measures_everything_else(tmp_path: Path) -> None:
    results = run_quickly(["idle", "purge", "delivery", "backfill"], tmp_path)
    check_ratio("idle", results["idle"]["values"])
    assert min(map(len, (results["purge"]["values"][kind] for kind in ("purging", "quiet")))) > 10
    assert results["backfill"]["values"]["read_again"] <= 2 * RECORDS_PER_PAGE


@pytest.mark.soak
@pytest.mark.timeout(240)
def test_a_quick_run_sees_every_view_of_the_page(tmp_path: Path) -> None:
    visits = run_quickly(["page"], tmp_path)["page"]["values"]
    assert {"overview", "an instance", "events by type", "dead letters"} <= visits.keys()
    assert all(visit["useful"] > 0 and visit["calls"] for each in visits.values() for visit in each)


@pytest.mark.soak
@pytest.mark.timeout(240)
def test_a_quick_run_measures_what_callbacks_in_trouble_cost_the_others(tmp_path: Path) -> None:
    results = run_quickly(["fairness", "pending", "poison"], tmp_path)
    assert results["fairness"]["values"]["ratios"].keys() == {"dead", "slow"}
    assert results["pending"]["values"]["left"] > 5000
    shares = results["poison"]["values"]
    assert max(shares["product"]) < 0.05 < min(shares["naive"])


def test_a_check_that_fails_prints_no_number_and_ends_with_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def broken(_: Scene) -> Result:
        raise CheckFailed("event 7 arrived twice")

    monkeypatch.setitem(BENCHMARKS, "broken", broken)
    assert main(["broken", "--folder", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert told.out.count("\n") == 1  # the machine
    assert told.err == "no number: event 7 arrived twice\n"


def test_an_unknown_benchmark_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["evnets"])
    assert ended.value.code == 2
    assert "there is no benchmark evnets" in capsys.readouterr().err
