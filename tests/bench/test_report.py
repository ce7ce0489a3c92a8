from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson

from bench.calibration import Calibration
from bench.report import Result, write_json


def result(tmp_path: Path) -> Result:
    calibration = Calibration(folder=tmp_path)
    calibration.hash_milliseconds += [0.2, 0.25, 0.9]
    calibration.sync_milliseconds += [1, 2, 4]
    return Result(
        name="events",
        title="end to end",
        columns=("events/s", "postgres"),
        rows=(("product", (12345.6, 0.51234)), ("ratio", (0.5, None))),
        notes=("a word",),
        values={"ratio": 0.5},
        calibration=calibration,
    )


def test_a_result_is_a_table_with_its_notes_and_calibration(tmp_path: Path) -> None:
    assert [*result(tmp_path).lines()] == [
        "events: end to end",
        "           events/s  postgres",
        "  product    12,346     0.512",
        "  ratio         0.5         -",
        "  a word",
        "  calibration: blake2b of 200 KB 0.25 ms (0.20 to 0.90), "
        "fdatasync of 8 KB 2.00 ms (1.00 to 4.00)",
    ]


def test_the_json_has_what_was_measured_and_where(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    write_json(file, datetime.now(UTC), [result(tmp_path)])
    content = orjson.loads(file.read_bytes())
    assert content["results"]["events"]["rows"]["product"]["events/s"] == 12345.6
    assert content["results"]["events"]["values"] == {"ratio": 0.5}
    assert content["results"]["events"]["calibration"]["fdatasync_8kb_milliseconds"] == [1, 2, 4]
    assert content["cores"] >= 1


async def test_a_calibration_measures_and_leaves_nothing_behind(tmp_path: Path) -> None:
    calibration = Calibration(folder=tmp_path)
    await calibration.take()
    await calibration.take()
    times = [time for times in calibration.values().values() for time in times]
    assert len(times) == 4
    assert min(times) > 0
    assert [*tmp_path.iterdir()] == []
