"""PURE: the slow passes of a resource as they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from daemon.polling.slow_pass import PassKind, Phase, SlowPass, Work


def work_as_json(work: Work) -> dict[str, dict[str, Any]]:
    """As it is stored."""
    return {kind.value: _as_json(slow) for kind, slow in work.items()}


def work_from_json(stored: Mapping[str, Mapping[str, Any]]) -> Work:
    """What `work_as_json` made, by this version or by one with fewer fields."""
    return {PassKind(kind): _from_json(kind, entry) for kind, entry in stored.items()}


_INSTANTS = ("due_at", "lower", "until", "anchor", "since")


def _as_json(slow: SlowPass) -> dict[str, Any]:
    values = {field.name: getattr(slow, field.name) for field in fields(slow)}
    del values["kind"]
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def _from_json(kind: str, stored: Mapping[str, Any]) -> SlowPass:
    values = {**stored, "kind": PassKind(kind), "phase": Phase(stored["phase"])}
    for name in _INSTANTS:
        text = values.get(name)
        values[name] = None if text is None else datetime.fromisoformat(text)
    return SlowPass(**values)
