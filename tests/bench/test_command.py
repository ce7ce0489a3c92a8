from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from bench.command import BENCHMARKS, main
from bench.faults import CheckFailed
from bench.report import Result
from bench.scene import Scene

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(240)
def test_the_quick_run_measures_everything(tmp_path: Path) -> None:
    file, folder = tmp_path / "results.json", tmp_path / "folder"
    folder.mkdir()
    names = ("events", "idle", "purge", "commit")
    ended = subprocess.run(
        [sys.executable, "-m", "bench", *names, "--quick", f"--json={file}", f"--folder={folder}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=230,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    results = orjson.loads(file.read_bytes())["results"]
    for name in names:
        assert f"\n{name}: " in ended.stdout
        assert min(results[name]["calibration"]["blake2b_200kb_milliseconds"]) > 0
    assert ended.stdout.count("calibration: ") == len(names)
    for name in ("events", "idle"):
        values = results[name]["values"]
        rates = [values[side][0][RATES[name]] for side in ("product", "bare")]
        assert values["ratio"] == pytest.approx(rates[0] / rates[1])
    assert len(results["purge"]["values"]["purging"]) > 10
    assert len(results["commit"]["values"]["changed"]["full"]) == 10
    assert [*folder.iterdir()] == []


RATES = {"events": "events_per_second", "idle": "polls_per_second"}


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
