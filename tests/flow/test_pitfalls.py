"""The known ways to lose or repeat a change, each at the real daemon: it does neither."""

from __future__ import annotations

import asyncio
import fcntl
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.pitfalls.catalogue import PITFALLS, in_order
from bench.pitfalls.everything import run
from bench.pitfalls.judge import COUNTED
from bench.pitfalls.table import as_json


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Mapping[str, Any]:
    """All of them at once, because nearly all of their time is waiting; by one process of a run."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent
    file = shared / "pitfalls.json"
    with (shared / "pitfalls.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            folder = tmp_path_factory.mktemp("pitfalls")
            found = asyncio.run(run("pollhook", in_order(), folder))
            Path(file).write_text(json.dumps(as_json(found)), "utf-8")
    return {each["title"]: each for each in json.loads(file.read_text("utf-8"))}


@pytest.mark.parametrize("title", [each.title for each in in_order()])
def test_nothing_is_lost_or_repeated_by(title: str, outcomes: Mapping[str, Any]) -> None:
    outcome = outcomes[title]
    assert outcome["broken"] is None, outcome["broken"]
    assert {name: outcome[name] for name in COUNTED} == dict.fromkeys(COUNTED, 0), outcome


def test_every_known_pitfall_has_its_scenario() -> None:
    assert {each.number for each in in_order()} == {*range(1, 31)}
    assert len({each.scenario for each in in_order()}) == len(PITFALLS)
