"""Record control: the sandbox's paths on which people look at records and change them."""

import json
from typing import Any

from aiohttp import web

from daemon.sandbox.catalogue import OBJECTS
from daemon.sandbox.control_requests import read_instant, read_number, read_object
from daemon.sandbox.dates import show
from daemon.sandbox.edits import Batch, Edits, Import
from daemon.sandbox.field_values import read_values
from daemon.sandbox.history import history_json, record_json
from daemon.sandbox.records import Record, Value, Version
from daemon.sandbox.refusals import BadRequest, Unknown
from daemon.sandbox.resources import find_resource
from daemon.sandbox.service import Service
from daemon.sandbox.typed import build


class RecordControl:
    """Edits records and tells their history."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._edits = Edits(service.store, service.editor)

    def routes(self) -> list[web.RouteDef]:
        """The paths of records, of many edits at once, and of the history."""
        record = "/_sandbox/records/{resource}/{id}"
        return [
            web.get("/_sandbox/records/{resource}", self._list),
            web.post("/_sandbox/records/{resource}", self._create),
            web.get(record, self._show),
            web.patch(record, self._edit),
            web.delete(record, self._delete),
            web.post(f"{record}/restore", self._restore),
            web.post("/_sandbox/edits", self._batch),
            web.post("/_sandbox/import", self._import),
            web.get("/_sandbox/history", self._history),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        """Living records; `?search=` in any field's text, `?limit=` (100)."""
        wanted = request.query.get("search", "").lower()
        limit = read_number(request, "limit", 100)
        found = [
            shown
            for record in self._edits.living(request.match_info["resource"])
            if wanted in json.dumps(shown := _now(record)).lower()
        ]
        return web.json_response({"total": len(found), "records": found[:limit]})

    async def _create(self, request: web.Request) -> web.Response:
        resource = find_resource(request.match_info["resource"])
        if resource is None:
            raise Unknown(f"there is no resource {request.match_info['resource']}")
        given = await read_object(request)
        if resource.entry_type is not None:
            given = {"Type": resource.entry_type, **given}
        object_type = OBJECTS[resource.object_name.lower()]
        values = read_values(object_type, given)
        if values.get("Type") == "Contact" and values.get("ParentKey") is None:
            values |= self._some_company()
        record = self._service.editor.create(object_type, values)
        return web.json_response(_now(record), status=201)

    async def _show(self, request: web.Request) -> web.Response:
        record = self._named(request)
        return web.json_response(
            history_json(
                self._service.store,
                record,
                self._service.clock.furthest(),
                list(record.latest.fields),
            )
        )

    async def _edit(self, request: web.Request) -> web.Response:
        record = self._named(request)
        values = read_values(OBJECTS[record.object_name.lower()], await read_object(request))
        return web.json_response(record_json(record, self._service.editor.edit(record, values)))

    async def _delete(self, request: web.Request) -> web.Response:
        record = self._named(request)
        return web.json_response(record_json(record, self._service.editor.delete(record)))

    async def _restore(self, request: web.Request) -> web.Response:
        record = self._named(request)
        return web.json_response(record_json(record, self._service.editor.restore(record)))

    async def _batch(self, request: web.Request) -> web.Response:
        """Many random changes: `{"count": 100, "seed": 1, "create": 0.2, "delete": 0.05}`."""
        made = self._edits.make(build(Batch, await read_object(request), "edits"))
        return web.json_response(_changes(made))

    async def _import(self, request: web.Request) -> web.Response:
        """Many new records at once, all with one stamp if `stamp` is given."""
        wanted = build(Import, await read_object(request), "import")
        values: dict[str, Value] = {}
        if wanted.stamp is not None:
            values["LastModifyDate"] = values["CreationDate"] = read_instant(wanted.stamp)
        return web.json_response(_changes(self._edits.bulk(wanted, values)))

    async def _history(self, request: web.Request) -> web.Response:
        """Every record's versions; `?resource=`, `?fields=Department,...`, `?after=` a change."""
        fields = [name for name in request.query.get("fields", "").split(",") if name]
        after, now = read_number(request, "after", 0), self._service.clock.furthest()
        wanted = request.query.get("resource")
        records = [
            history_json(self._service.store, record, now, fields)
            for record in self._service.store.records()
            if record.latest.change > after and wanted in (None, record.resource)
        ]
        return web.json_response({"changes": self._service.store.changes, "objects": records})

    def _named(self, request: web.Request) -> Record:
        return self._service.store.named(request.match_info["resource"], request.match_info["id"])

    def _some_company(self) -> dict[str, Value]:
        companies = self._edits.living("companies")
        if not companies:
            raise BadRequest("a contact needs a company, and there is none")
        return {
            "ParentKey": companies[0].key,
            "CompanyName": companies[0].latest.fields["CompanyName"],
        }


def _now(record: Record) -> dict[str, Any]:
    return record_json(record, record.latest)


def _changes(made: list[tuple[Record, Version]]) -> dict[str, Any]:
    return {
        "changes": [
            {
                "resource": record.resource,
                "id": record.short_id,
                "version": version.number,
                "deleted": version.deleted,
                "stamp": show(version.stamp),
            }
            for record, version in made
        ]
    }
