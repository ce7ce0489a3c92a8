"""Wishes: what an instance is to be, checked in every way that needs no call to the provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from daemon import configuration_keys as keys
from daemon.admin.context import Rules
from daemon.admin.elements import find_connector
from daemon.admin.filter_changes import FilterChange, check_decision, find_filter_changes
from daemon.admin.instance_bodies import Alteration, InstanceBody
from daemon.admin.polling_wishes import polled_resources
from daemon.connectors.connector import Connector, Element, Grant
from daemon.errors import AddressRefused, Fault, InvalidInput, NotFound, ProviderError
from daemon.instance_configuration import parse_configuration, restore_masked
from daemon.polling.configuration import ResourcePolling, as_json
from daemon.store.instance_resources import ConfiguredResource
from daemon.store.instances import OwnedInstance

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An instance as it is to be; `values` is its whole configuration, `secrets` a part of that.

    `code` or `refresh_token` is the consent to be spent for it, if there is one. `reauthorizes`
    says that the way into the provider is new: it is tried, and earlier refusals mean nothing.
    `filter_changes` are the cursors about which its owner had to decide, `unchecked` the resources
    that are polled in another way than before.
    """

    name: str
    tags: Sequence[str]
    values: Mapping[str, Any] = field(repr=False)
    plain: Mapping[str, Any]
    secrets: Mapping[str, Any] = field(repr=False)
    resources: Mapping[str, Mapping[str, Any]]
    code: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)
    reauthorizes: bool
    unchecked: Sequence[ResourcePolling]
    filter_changes: Sequence[FilterChange] = ()


def wish_for_new(
    rules: Rules,
    body: InstanceBody,
    shape: Sequence[Fault],
    named: str | None,
    *,
    needs_consent: bool = True,
) -> tuple[Connector, Wish]:
    """The instance to be made, at the element that the address names (`named`) or the body.

    `shape` are the faults found so far. Without `needs_consent` a person may give that later.
    Raises InvalidInput with everything that is wrong, NotFound if the address names no element.
    """
    faults = list(shape)
    connector = find_connector(rules, named) if named else _element_of(rules, body, faults)
    if body.name is None:
        faults.append(Fault(field="name", message="is needed"))
    if connector is None:
        raise InvalidInput(faults)
    values, polled = _check(rules, connector, body.configuration or {}, faults)
    wish = _wish(connector.element, body, values, polled)
    consented = wish.code or wish.refresh_token or keys.holds_access_token(values)
    if needs_consent and not consented:
        message = "is needed: the code that the provider gave for the consent"
        faults.append(Fault(field="providerData.code", message=message))
    _refuse(faults)
    return connector, wish


def wish_for_altered(
    rules: Rules,
    owned: OwnedInstance,
    stored: Sequence[ConfiguredResource],
    alteration: Alteration,
) -> tuple[Connector, Wish]:
    """The instance as it is to be after an alteration; what is not mentioned stays.

    Raises InvalidInput with everything that is wrong, among it a filter, id field, date field or
    zone that would leave the stored cursor without a meaning, unless the body decides about that.
    """
    body, faults = alteration.body, list(alteration.faults)
    connector = find_connector(rules, owned.instance.element_key)
    if body.element not in (None, connector.element.key, str(connector.element.id)):
        faults.append(Fault(field="element", message="cannot be changed"))
    given = owned.values
    if body.configuration is not None:
        restored = restore_masked(body.configuration, owned.secrets)
        given = {**given, **restored} if alteration.merge else restored
    values, polled = _check(rules, connector, given, faults)
    changes = find_filter_changes(rules, connector.element, owned, stored, polled)
    faults += check_decision(changes, body.on_filter_change)
    _refuse(faults)
    wish = _wish(connector.element, body, values, polled, owned)
    before = {resource.name: resource.configuration for resource in stored}
    unchecked = [each for name, each in polled.items() if as_json(each) != before.get(name)]
    return connector, replace(wish, filter_changes=changes, unchecked=unchecked)


async def obtain_grant(connector: Connector, wish: Wish) -> Grant | None:
    """Spend the consent, or try the token that takes its place.

    Raises CredentialsRefused and other ProviderErrors.
    """
    if wish.code is not None:
        with _naming("providerData.code"):
            return await connector.exchange(wish.values, wish.code)
    if wish.refresh_token is not None:
        with _naming(keys.REFRESH_TOKEN):
            return await connector.refresh(wish.values, wish.refresh_token)
    if wish.reauthorizes:
        with _naming(keys.access_token_key(wish.values)):
            await connector.verify(wish.values)
    return None


@contextmanager
def _naming(field_name: str | None) -> Iterator[None]:
    """Say of a refusal which field brought it about."""
    try:
        yield
    except ProviderError as error:
        error.field = field_name
        raise


def _element_of(rules: Rules, body: InstanceBody, faults: list[Fault]) -> Connector | None:
    if body.element is None:
        if not any(fault.field == "element" for fault in faults):
            message = "is needed: the key or id of an element"
            faults.append(Fault(field="element", message=message))
        return None
    try:
        return find_connector(rules, body.element)
    except NotFound as error:
        faults.append(Fault(field="element", message=str(error)))
        return None


def _check(
    rules: Rules, connector: Connector, given: Mapping[str, Any], faults: list[Fault]
) -> tuple[Mapping[str, Any], Mapping[str, ResourcePolling]]:
    """The configuration in natural types and what it polls; what is wrong goes to `faults`."""
    floor_seconds = rules.polling.minimum_interval_seconds
    values, found = parse_configuration(
        given, connector.element, minimum_interval_seconds=floor_seconds
    )
    polled = polled_resources(rules, connector.element, values, found)
    found += _callback_faults(rules, values)
    try:
        connector.check_configuration(values)
    except InvalidInput as error:
        named = {fault.field for fault in found}
        found += [fault for fault in error.faults if fault.field not in named]
    faults += found
    if ignored := sorted(key for key in values if keys.is_without_effect(key)):
        log.info("instance.keys_without_effect", keys=ignored)
    return values, polled


def _callback_faults(rules: Rules, values: Mapping[str, Any]) -> list[Fault]:
    url = values.get(keys.CALLBACK_URL)
    if url is None:
        return []
    try:
        rules.guard.check_url(url, field=keys.CALLBACK_URL)
    except InvalidInput as error:
        return list(error.faults)
    except AddressRefused as error:
        return [Fault(field=keys.CALLBACK_URL, message=str(error))]
    return []


def _wish(
    element: Element,
    body: InstanceBody,
    values: Mapping[str, Any],
    polled: Mapping[str, ResourcePolling],
    owned: OwnedInstance | None = None,
) -> Wish:
    kept = {key: value for key, value in values.items() if key != keys.REFRESH_TOKEN}
    plain, secrets = keys.split_secrets(kept, element)
    before = owned.instance if owned else None
    refresh_token = body.refresh_token or values.get(keys.REFRESH_TOKEN)
    return Wish(
        name=body.name if body.name is not None else (before.name if before else ""),
        tags=body.tags if body.tags is not None else (before.tags if before else ()),
        values=kept,
        plain=plain,
        secrets=secrets,
        resources={name: as_json(polling) for name, polling in polled.items()},
        code=body.code,
        refresh_token=refresh_token if body.code is None else None,
        reauthorizes=owned is None or _is_other_account(element, owned.values, kept),
        unchecked=list(polled.values()),
    )


def _is_other_account(
    element: Element, before: Mapping[str, Any], after: Mapping[str, Any]
) -> bool:
    """Whether something that the provider is to see has changed."""
    return any(before.get(key.key) != after.get(key.key) for key in element.configuration)


def _refuse(faults: Sequence[Fault]) -> None:
    if faults:
        raise InvalidInput(dict.fromkeys(faults))
