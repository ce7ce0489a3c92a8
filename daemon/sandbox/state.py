"""The state: what a stand-in keeps in a file from one run to the next."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon.sandbox.grants import Grant
from daemon.sandbox.keys import Key
from daemon.sandbox.records import Record, Version
from daemon.sandbox.service import Service
from daemon.sandbox.sessions import Session


def save(service: Service, path: Path) -> None:
    """Writes records with their versions, sessions and refresh tokens; all or nothing."""
    state = {
        "records": [asdict(record) for record in service.store.records()],
        "sessions": [asdict(session) for session in service.sessions.all()],
        "refresh_tokens": [asdict(grant) for grant in service.grants.refresh_tokens()],
        "reads": dict(service.store.reads),
        "served": list(service.store.served.items()),
    }
    draft = path.with_name(path.name + ".tmp")
    draft.write_text(json.dumps(state, default=_tagged), encoding="utf-8")
    draft.replace(path)


def load(service: Service, path: Path) -> None:
    """Fills an empty service from such a file."""
    state = json.loads(path.read_text(encoding="utf-8"), object_hook=_untagged)
    for given in state["records"]:
        versions = [Version(**each) for each in given["versions"]]
        record = Record(**{**given, "versions": []})
        service.store.add(record, versions[0])
        for version in versions[1:]:
            service.store.append(record, version)
    for given in state["sessions"]:
        service.sessions.restore(Session(**given))
    for given in state["refresh_tokens"]:
        service.grants.restore(Grant(**given))
    service.store.reads.update(state["reads"])
    service.store.served.update(dict(state["served"]))


def _tagged(value: object) -> dict[str, Any]:
    if isinstance(value, datetime):
        return {"$instant": value.isoformat()}
    raise TypeError(f"{value!r} cannot be saved")


def _untagged(value: dict[str, Any]) -> Any:
    if value.keys() == {"$instant"}:
        return datetime.fromisoformat(value["$instant"])
    if value.keys() == {"kind", "id", "number", "owner"}:
        return Key(**value)
    return value
