"""A watermark poller as they are commonly written, and nothing made worse than it is there.

What it re-creates: the mark is our own time when it is switched on, later the newest stamp that was
read; it is stored before what was found is told; what is newer than the mark is new (the polling
helper of Activepieces, `packages/pieces/community/common/src/lib/polling/index.ts`: TIMEBASED).
The last hundred versions told are remembered in memory (Pipedream's `dedupe: "unique"`). Created
is what was changed within ten seconds of its creation (`createdCheckTolerance` of SAP Open
Connectors). Deleted is what the last full listing had and this one has not (Nango's
`deleteRecordsFromPreviousExecutions`). A refused token, 401 or 403, is renewed. Calls have no
deadline, as by default in axios and requests. An answer without rows has none.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

FIELDS = ("Key", "FirstName", "LastName", "Department", "LastModifyDate", "CreationDate")
DRIVER = {"IAbEntrySearcher": "Maximizer.Model.Access.Sql.AbEntrySearcher"}
TOLERANCE_SECONDS = 10
REMEMBERED = 100
REFUSED = (401, 403)
MOST_PAGES = 100


class Watermark:
    """One task; its state is a JSON file."""

    def __init__(self, task: dict[str, Any], state: Path) -> None:
        self._task = task
        self._file = state
        self._state: dict[str, Any] = json.loads(state.read_text()) if state.exists() else {}
        self._state.setdefault("mark", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        self._told: deque[tuple[str, str]] = deque(maxlen=REMEMBERED)
        self._listed: set[str] | None = None
        self._save()

    def poll(self) -> None:
        """Tell what is newer than the mark."""
        mark = self._state["mark"]
        rows = [row for row in self._rows(mark) if (row.get("LastModifyDate") or "") > mark]
        self._state["mark"] = max([mark, *(row["LastModifyDate"] for row in rows)])
        self._save()
        for row in rows:
            version = (row["Key"], row["LastModifyDate"])
            if version not in self._told:
                self._told.append(version)
                self._tell("created" if _is_new(row) else "updated", row)
        if self._task["deletes"]:
            self._compare()

    def _compare(self) -> None:
        listed = {row["Key"] for row in self._rows(None)}
        for key in sorted((self._listed or set()) - listed):
            self._tell("deleted", {"Key": key})
        self._listed = listed

    def _rows(self, since: str | None) -> Iterator[dict[str, Any]]:
        query: list[dict[str, Any]] = [{"Type": {"$EQ": "Contact"}}]
        if since is not None:
            query.append({"LastModifyDate": {"$GT": since}})
        page_key = None
        for page in itertools.count():
            order: dict[str, Any] = {"Fields": [{"LastModifyDate": "ASC"}]}
            order |= {"PageSize": self._task["page_size"], "PageKey": page_key}
            section = {
                "Scope": {"Fields": dict.fromkeys(FIELDS, 1)},
                "Criteria": {"SearchQuery": {"$AND": query}},
                "OrderBy": order,
            }
            answer = self._read({"AbEntry": section, "Configuration": {"Drivers": DRIVER}})
            found = answer.get("AbEntry") or {}
            yield from found.get("Data") or []
            page_key = found.get("PageKey")
            if page_key is None or page > MOST_PAGES:
                return

    def _read(self, body: dict[str, Any]) -> dict[str, Any]:
        url = f"{self._task['url']}/octopus/Read"
        try:
            return _post(url, json.dumps(body), self._token())
        except urllib.error.HTTPError as error:
            if error.code in REFUSED and self._task["code"]:
                self._renew(grant_type="refresh_token", refresh_token=self._state["refresh_token"])
                return _post(url, json.dumps(body), self._token())
            raise

    def _token(self) -> str:
        if not self._task["code"]:
            return str(self._task["personal_token"])
        if "access_token" not in self._state:
            self._renew(grant_type="authorization_code", code=self._task["code"])
        return str(self._state["access_token"])

    def _renew(self, **grant: str) -> None:
        form = grant | {
            name: self._task[name] for name in ("client_id", "client_secret", "redirect_uri")
        }
        pair = _post(f"{self._task['url']}/oauth2/demo/token", urllib.parse.urlencode(form), None)
        self._state |= pair
        self._save()

    def _tell(self, kind: str, row: dict[str, Any]) -> None:
        body = {"kind": kind, "id": row["Key"], "record": row}
        _post(self._task["callback"], json.dumps(body), None)

    def _save(self) -> None:
        self._file.write_text(json.dumps(self._state))


def _is_new(row: dict[str, Any]) -> bool:
    stamps = [datetime.fromisoformat(row[name]) for name in ("CreationDate", "LastModifyDate")]
    return abs((stamps[1] - stamps[0]).total_seconds()) <= TOLERANCE_SECONDS


def _post(url: str, body: str, token: str | None) -> dict[str, Any]:
    kind = "application/json" if body.startswith("{") else "application/x-www-form-urlencoded"
    headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, body.encode("utf-8", "replace"), headers)
    with urllib.request.urlopen(request) as response:
        answer: dict[str, Any] = json.loads(response.read() or b"{}")
    return answer


def main() -> None:
    """Poll at every beat until it is ended; what goes wrong in one is left to the next."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", type=json.loads)
    parser.add_argument("state", type=Path)
    options = parser.parse_args()
    poller = Watermark(options.task, options.state)
    print("ready", flush=True)
    while True:
        time.sleep(options.task["every_seconds"])
        try:
            poller.poll()
        except Exception as error:  # noqa: BLE001 -- the next beat tries again
            print(repr(error), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
