"""The schema check: whether a tenant has the fields that a resource's configuration names.

A field that a tenant does not have may bring no rows instead of an error: unchecked, that would be
read as "nothing changed".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import structlog

from daemon.connectors import ceql
from daemon.connectors.connector import Account, Connector, Order, Query
from daemon.connectors.facts import FieldFacts
from daemon.errors import (
    CredentialsRefused,
    Fault,
    MalformedAnswer,
    ProviderError,
    RateLimited,
)
from daemon.polling.configuration import KEY
from daemon.polling.resource import ResourcePolling

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCheck:
    """What a tenant can do of a configuration. `filters_by_stamp` is false where records can be
    sorted by the date that moves the cursor, but not searched by it."""

    faults: Sequence[Fault] = ()
    filters_by_stamp: bool = True


async def find_faults(
    connector: Connector, account: Account, polling: ResourcePolling
) -> list[Fault]:
    """A fault for each field of the configuration that the tenant lacks, or cannot use as needed.

    Empty where the tenant cannot be asked: a failing schema read is no reason to refuse anything.
    An instance that is not stored yet has an account with the id `UNSTORED`; it needs a token that
    needs no exchange.
    """
    return list((await check_fields(connector, account, polling)).faults)


async def check_fields(
    connector: Connector, account: Account, polling: ResourcePolling
) -> FieldCheck:
    """The same with what else the schema tells. Raises no ProviderError."""
    try:
        facts = await connector.describe(account, polling.path)
    except ProviderError as error:
        log.debug("schema.unknown", resource=polling.name, reason=str(error))
        if not _answers(error):
            return FieldCheck()
        return FieldCheck(faults=await _faults_of_reading(connector, account, polling))
    return _compare(_Schema(facts), connector, polling)


def _answers(error: ProviderError) -> bool:
    """Whether a provider that does not tell its schema may answer other questions."""
    told = error.status is not None or isinstance(error, MalformedAnswer)
    return told and not isinstance(error, CredentialsRefused | RateLimited)


class _Schema:
    """Fields by path, in whatever casing a configuration writes them."""

    def __init__(self, facts: Mapping[str, FieldFacts]) -> None:
        self._facts = {path.casefold(): fact for path, fact in facts.items()}
        self._names = {path.partition("/")[0] for path in facts}

    def find(self, field: str) -> FieldFacts | None:
        """What is known of a field, of a part or facet of one, or of a composite."""
        path = field.replace(".", "/").casefold()
        if _is_user_defined(path):
            return FieldFacts()
        if path in self._facts:
            return self._facts[path]
        base = path.partition("/")[0]
        is_part = base != path and base in self._facts
        is_composite = any(known.startswith(f"{path}/") for known in self._facts)
        return FieldFacts() if is_part or is_composite else None

    def hint(self, field: str) -> str:
        """The nearest field there is, in words."""
        near = get_close_matches(field, self._names, n=1)
        return f"; did you mean '{near[0]}'?" if near else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """A field, where the configuration names it, and what it has to be able to."""

    field: str
    place: str
    searched: bool = False
    sorted: bool = False


def _compare(schema: _Schema, connector: Connector, polling: ResourcePolling) -> FieldCheck:
    cursor = polling.cursor
    stamp = schema.find(cursor.field) if cursor else None
    faults = [
        Fault(field=f"{KEY}.{polling.name}.{use.place}", message=message)
        for use in _uses(connector, polling)
        if (message := _complaint(schema, use, polling.path))
    ]
    return FieldCheck(faults=faults, filters_by_stamp=stamp is None or stamp.queryable)


def _complaint(schema: _Schema, use: _Use, resource: str) -> str | None:
    facts, name = schema.find(use.field), use.field[:100]
    if facts is None:
        return f"the {resource} of this tenant have no field '{name}'{schema.hint(name)}"
    if use.searched and not facts.queryable:
        return f"the {resource} of this tenant cannot be searched by '{name}'"
    if use.sorted and not facts.sortable:
        return (
            f"the {resource} of this tenant cannot be sorted by '{name}', so that their changes"
            " cannot be read in order"
        )
    return None


def _uses(connector: Connector, polling: ResourcePolling) -> Iterator[_Use]:
    """Every field that the configuration names, or that is named for it."""
    if polling.id_field != connector.element.resources[polling.path].id_field:
        yield _Use(field=polling.id_field, place="idField", searched=True)
    for which, date in (("updated", polling.updated), ("created", polling.created)):
        if date is not None:
            place = f"datesConfiguration.{which}DateField"
            yield _Use(field=date.field, place=place, sorted=date is polling.cursor)
    yield from _uses_of_url(polling)


def _uses_of_url(polling: ResourcePolling) -> Iterator[_Use]:
    cursor = polling.cursor.field.casefold() if polling.cursor else None
    bounds = {id(leaf) for leaf, _ in polling.bounds}
    for leaf in ceql.leaves(polling.where) if polling.where else ():
        # A stamp need not be searched by: records are read from the newest on instead.
        is_stamp = id(leaf) in bounds and leaf.field.casefold() == cursor
        if not is_stamp:
            yield _Use(field=leaf.field, place="url", searched=True)
    for field in polling.fields or ():
        yield _Use(field=field, place="url")


async def _faults_of_reading(
    connector: Connector, account: Account, polling: ResourcePolling
) -> list[Fault]:
    """What reading one record tells where there is no schema: which field makes rows vanish.

    A field that is refused needs no fault: polling will be refused alike, in the provider's words.
    """
    spec = connector.element.resources[polling.path]
    uses = list(_uses(connector, polling))
    bare = Query(
        resource=polling.path,
        fields=(spec.id_field,),
        order=(Order(name=spec.id_field),),
        page_size=1,
    )
    whole = replace(bare, fields=polling.fields, also=[use.field for use in uses])

    async def vanish(query: Query) -> bool:
        return not (await connector.read(account, query)).records

    try:
        if await vanish(bare) or not await vanish(whole):
            return []
        lost = [use for use in uses if await vanish(replace(bare, fields=(use.field,)))]
    except ProviderError:
        return []
    return [_vanishing(polling, use) for use in lost] or [_all_vanishing(polling)]


def _vanishing(polling: ResourcePolling, use: _Use) -> Fault:
    return Fault(
        field=f"{KEY}.{polling.name}.{use.place}",
        message=f"no record of {polling.path} comes with the field '{use.field[:100]}', which"
        " means that this tenant has none",
    )


def _all_vanishing(polling: ResourcePolling) -> Fault:
    return Fault(
        field=f"{KEY}.{polling.name}.url",
        message=f"no record of {polling.path} comes with all the fields that are read: name those"
        " that this tenant has, as in ?fields=Key,LastModifyDate",
    )


def _is_user_defined(path: str) -> bool:
    """Whether a field goes by several names, which no schema can be searched for."""
    return "$" in path or path.startswith("udf/")
