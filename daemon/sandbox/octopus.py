"""Octopus: the methods of the data API, from a request's body to an answer's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from daemon.sandbox.folding import folded
from daemon.sandbox.journal import Call
from daemon.sandbox.reads import Reads, Rows
from daemon.sandbox.refusals import Refusal
from daemon.sandbox.schema import read_schema
from daemon.sandbox.sections import object_names, parse_section
from daemon.sandbox.service import Service
from daemon.sandbox.sessions import Session
from daemon.sandbox.writes import Writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer's body; a poisoned one needs an encoder that carries anything."""

    body: Mapping[str, Any]
    is_poisoned: bool = False


class Octopus:
    """Answers calls whose token is good."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._reads = Reads(service)
        self._writes = Writes(service)

    def answer(
        self, method: str, body: Mapping[str, Any], session: Session, call: Call
    ) -> Answer | None:
        """The answer of a method in lower case, None if there is no such method."""
        methods: Mapping[str, Callable[[], Answer]] = {
            "read": lambda: self._read(body, session, call),
            "create": lambda: self._write("create", body),
            "update": lambda: self._write("update", body),
            "delete": lambda: self._write("delete", body),
            "tokenvalid": lambda: Answer(body={"Code": 0}),
            "getsessioninfo": lambda: self._session_info(body, session),
        }
        if method not in methods:
            return None
        try:
            return methods[method]()
        except Refusal as refusal:
            return Answer(body=self.refused(refusal))

    def refused(self, refusal: Refusal) -> dict[str, Any]:
        """The body for a refusal, its message in the profile's form."""
        if self._service.switches.profile.message_form == "text":
            return {"Code": -1, "Msg": [refusal.message]}
        message = {"Message": refusal.message, "ErrorCode": refusal.error_code}
        return {"Code": -1, "Msg": [message]}

    def _read(self, body: Mapping[str, Any], session: Session, call: Call) -> Answer:
        answer: dict[str, Any] = {"Code": 0}
        is_poisoned = False
        for name, object_name in object_names(body):
            if object_name.lower() == "schema":
                answer[name] = {"Data": read_schema(body[name], self._service.switches.profile)}
                continue
            section = parse_section(object_name, body[name], body)
            rows = self._reads.answer(section, call, self._key_kind(body, session))
            call.rows = (call.rows or 0) + len(rows.rows)
            is_poisoned = is_poisoned or rows.is_poisoned
            self._put(answer, name, rows)
        return Answer(body=answer, is_poisoned=is_poisoned)

    def _put(self, answer: dict[str, Any], name: str, rows: Rows) -> None:
        """Puts a section's rows into the answer, the next page's key where the profile has it."""
        answer[name] = {"Data": rows.rows}
        if rows.next_page_key is None:
            return
        match self._service.switches.profile.page_key:
            case "object":
                answer[name]["PageKey"] = rows.next_page_key
            case "order_by":
                answer[name]["OrderBy"] = {"PageKey": rows.next_page_key}
            case "next":
                answer[name]["NextPageKey"] = rows.next_page_key
            case "root":
                answer["PageKey"] = rows.next_page_key
            case "none":
                pass

    def _write(self, method: str, body: Mapping[str, Any]) -> Answer:
        answer: dict[str, Any] = {"Code": 0}
        for name, object_name in object_names(body):
            answer[name] = {"Data": self._writes.answer(method, object_name, body[name])}
        return Answer(body=answer)

    def _session_info(self, body: Mapping[str, Any], session: Session) -> Answer:
        known = {
            "addressbook": {"displayvalue": session.alias, "workspaceid": "sandbox"},
            "user": {"displayname": "Master User", "uid": "MASTER"},
        }
        data = {
            name: {each: known[name.lower()].get(each.lower()) for each in wanted}
            for name, wanted in body.items()
            if name.lower() in known and isinstance(wanted, Mapping)
        }
        return Answer(body={"Code": 0, "Data": data})

    def _key_kind(self, body: Mapping[str, Any], session: Session) -> str | None:
        """What address book keys begin with, None for their particular kinds."""
        match self._service.switches.profile.key_form:
            case "typed":
                return None
            case "compatibility":
                parts = folded(folded(body, "body").get("compatibility"), "Compatibility")
                return "AbEntry" if parts.get("abentrykey") == "2.0" else None
            case "session":
                return "AbEntry" if crc32(session.token.encode()) % 2 else None
