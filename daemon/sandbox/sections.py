"""Sections: the parts of a Read's body, one for each object it asks for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from daemon.sandbox.catalogue import find_object
from daemon.sandbox.criteria import entry_types
from daemon.sandbox.folding import folded
from daemon.sandbox.objects import ObjectType
from daemon.sandbox.refusals import Refusal, UnknownField
from daemon.sandbox.resources import find_resource

_NOT_OBJECTS = ("compatibility", "configuration", "globalization", "token")
_SQL = "maximizer.model.access.sql."


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One object's part; `driver` is what the body names for its searcher."""

    object_type: ObjectType
    query: Mapping[str, Any]
    top: int | None
    order: Mapping[str, Any]
    fields: Mapping[str, Any]
    driver: str | None

    @property
    def objects(self) -> frozenset[str]:
        """What faults can call it: the object, and the resources it reads."""
        return objects_of(self.object_type, self.query)

    @property
    def has_sql_driver(self) -> bool:
        return self.driver is not None and self.driver.lower() == (
            _SQL + self.object_type.searcher.lower()
        )

    def check_driver(self) -> None:
        """Raises Refusal for what the older driver of some objects cannot do."""
        if self.has_sql_driver:
            return
        if self.object_type.name == "Address" and not self.query:
            raise Refusal("Address: at least one filter is needed")
        if self.object_type.name == "Task" and self.top is not None:
            raise Refusal("Task: Top is not supported by this driver")

    def check_fields(self, missing: tuple[str, ...]) -> None:
        """Raises UnknownField for a field or composite that the tenant does not have."""
        absent = {path.lower() for path in missing}
        for name in (*self.fields, *_names_in(self.query), *_names_in(self.order.get("fields"))):
            if f"{self.object_type.name}/{name}".lower() in absent:
                raise UnknownField(self.object_type.name, name)


def objects_of(object_type: ObjectType, query: Any) -> frozenset[str]:
    """The lower-case object and the resources that a query on it is about."""
    names = {"contact": "contacts", "company": "companies", "individual": "individuals"}
    asked = entry_types(query) if object_type.name == "AbEntry" else frozenset()
    resources = {names[each] for each in asked if each in names}
    whole = find_resource(object_type.name)
    if not resources and whole is not None:
        resources = {whole.name}
    return frozenset((object_type.name.lower(), *resources))


def object_names(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The body's names for objects as they are, each with the object's own name.

    A batch tells several parts on one object apart by a suffix, as in `AbEntry.Newest`.
    """
    for name in body:
        if name.lower() not in _NOT_OBJECTS:
            yield name, name.partition(".")[0]


def parse_section(object_name: str, given: Any, body: Mapping[str, Any]) -> Section:
    """The section on an object. Raises Refusal for an unknown object and for wrong forms."""
    object_type = find_object(object_name)
    if object_type is None:
        raise Refusal(f"The object '{object_name}' is not supported")
    parts = folded(given, object_type.name)
    criteria = folded(parts.get("criteria"), "Criteria")
    scope = folded(parts.get("scope"), "Scope")
    top = criteria.get("top")
    if top is not None and (not isinstance(top, int) or top < 1):
        raise Refusal("Criteria: Top must be a positive number")
    return Section(
        object_type=object_type,
        query=_mapping(criteria.get("searchquery"), "SearchQuery"),
        top=top,
        order=folded(parts.get("orderby"), "OrderBy"),
        fields=_mapping(scope.get("fields"), "Fields"),
        driver=_driver(object_type, body),
    )


def _names_in(query: Any) -> Iterator[str]:
    """The fields that a SearchQuery or the fields of an OrderBy name."""
    if isinstance(query, list):
        for each in query:
            yield from _names_in(each)
    elif isinstance(query, Mapping):
        for name, value in query.items():
            if name.upper() in ("$AND", "$OR"):
                yield from _names_in(value)
            else:
                yield name


def _mapping(given: Any, what: str) -> Mapping[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise Refusal(f"{what}: an object is wanted")
    return given or {}


def _driver(object_type: ObjectType, body: Mapping[str, Any]) -> str | None:
    configuration = folded(folded(body, "body").get("configuration"), "Configuration")
    drivers = folded(configuration.get("drivers"), "Drivers")
    named = drivers.get(f"i{object_type.searcher.lower()}")
    return None if named is None else str(named)
