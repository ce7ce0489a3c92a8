from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from daemon.housekeeping import Housekeeping
from daemon.metrics import Metrics
from daemon.store.database import Database
from daemon.store.encryption import Keyring
from daemon.store.idempotency import IdempotencyKeys


async def test_a_disk_that_is_all_but_full_is_told_once_and_measured(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics(version="test")
    housekeeping = Housekeeping(
        database=database,
        idempotency=IdempotencyKeys(database, Keyring([bytes(32)])),
        metrics=metrics,
        retention=timedelta(days=1),
        folder=tmp_path,
    )
    with structlog.testing.capture_logs() as log:
        await housekeeping.measure()
        assert log == []
        monkeypatch.setattr("daemon.store.room.LEAST_BYTES", 2**60)
        await housekeeping.measure()
        await housekeeping.measure()
    assert [line["event"] for line in log] == ["data_dir.almost_full"]
    assert f"The disk of {tmp_path} is all but full: " in log[0]["reason"]
    assert metrics.registry.get_sample_value("pollhook_data_dir_free_bytes")
