"""Declarations: the instances that the configuration file names, checked without any call."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from daemon import __version__
from daemon import configuration_keys as keys
from daemon.address_guard import AddressGuard
from daemon.admin.context import Rules
from daemon.admin.instance_bodies import InstanceBody, parse_body
from daemon.admin.instance_wishes import Wish, wish_for_new
from daemon.connectors.connector import Connector
from daemon.connectors.registry import open_connectors
from daemon.errors import Fault, InvalidInput
from daemon.metrics import Metrics
from daemon.outbound import Outbound
from daemon.settings import (
    ConfigFault,
    InstanceSettings,
    InvalidConfiguration,
    InvalidSettings,
    PollingSettings,
    Settings,
    load_settings,
)
from daemon.store.credentials import Credentials
from daemon.store.database import Database
from daemon.store.encryption import Keyring

Locate = Callable[[Fault], ConfigFault]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One entry that is right by itself: what it asks for, and where its faults stand."""

    name: str
    body: InstanceBody = field(repr=False)
    connector: Connector
    wish: Wish = field(repr=False)
    enabled: bool
    locate: Locate

    @property
    def seed(self) -> bytes | None:
        """The digest of the credentials in it, None if it has none."""
        given = [item for item in sorted(self.wish.values.items()) if is_credential(item[0])]
        if self.wish.refresh_token:
            given.append((keys.REFRESH_TOKEN, self.wish.refresh_token))
        return hashlib.sha256(repr(given).encode()).digest() if given else None

    def keeping(self, secrets: Mapping[str, Any]) -> InstanceBody:
        """The body with the credentials that are stored instead of its own."""
        own = self.body.configuration or {}
        rest = {key: value for key, value in own.items() if not is_credential(key)}
        kept = {key: value for key, value in secrets.items() if is_credential(key)}
        return replace(self.body, configuration={**rest, **kept})

    def refused(self, error: InvalidInput) -> InvalidInput:
        """The same faults, with file and line."""
        return InvalidInput(self.locate(fault) for fault in error.faults)


def is_credential(key: str) -> bool:
    """Whether a configuration key holds what lets into the provider, rather than who asks."""
    return key == keys.REFRESH_TOKEN or keys.holds_access_token({key: None})


def read_declarations(rules: Rules, settings: Settings) -> Sequence[Declaration]:
    """The declared instances in their order. Raises InvalidConfiguration with every fault of all of
    them."""
    declarations: list[Declaration] = []
    faults: list[ConfigFault] = []
    for index, entry in enumerate(settings.instances):
        locate = _locate_in(settings, index, entry)
        try:
            declarations.append(_read(rules, entry, locate))
        except InvalidInput as error:
            faults += [locate(fault) for fault in error.faults]
    if faults:
        raise InvalidConfiguration(faults)
    return declarations


async def check_configuration(named: Path | None, environ: Mapping[str, str]) -> Settings:
    """Check everything that a configuration says, where nothing runs.

    Raises InvalidConfiguration with the faults of settings and of declared instances at once.
    """
    faults: list[ConfigFault] = []
    try:
        settings = load_settings(named, environ)
    except InvalidSettings as error:
        settings, faults = error.rest, [*error.faults]
    try:
        await _check_declared(settings)
    except InvalidConfiguration as error:
        told = {fault.field for fault in faults}
        faults += [fault for fault in error.faults if fault.field not in told]
    if faults:
        raise InvalidConfiguration(faults)
    return settings


async def _check_declared(settings: Settings) -> None:
    guard = AddressGuard(settings.security.allowed_private_networks)
    async with (
        Outbound(guard) as outbound,
        open_connectors(
            settings.connectors,
            outbound,
            guard,
            Credentials(Database(), Keyring([bytes(32)])),
            Metrics(version=__version__),
        ) as connectors,
    ):
        rules = _Rules(connectors=connectors, guard=guard, polling=settings.polling)
        read_declarations(rules, settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    connectors: Mapping[str, Connector]
    guard: AddressGuard
    polling: PollingSettings


def _read(rules: Rules, entry: InstanceSettings, locate: Locate) -> Declaration:
    body, shape = parse_body(
        {
            "name": entry.name,
            "element": entry.element,
            "tags": list(entry.tags),
            "configuration": entry.configuration,
            "onFilterChange": entry.on_filter_change,
        }
    )
    connector, wish = wish_for_new(rules, body, shape, None, needs_consent=False)
    return Declaration(
        name=entry.name,
        body=body,
        connector=connector,
        wish=wish,
        enabled=entry.enabled,
        locate=locate,
    )


def _locate_in(settings: Settings, index: int, entry: InstanceSettings) -> Locate:
    """Where a fault of this entry stands: at its own key, or within a key of the configuration."""

    def locate(fault: Fault) -> ConfigFault:
        field_name = "on_filter_change" if fault.field == "onFilterChange" else fault.field
        place: tuple[str | int, ...] = ("instances", index)
        if field_name in type(entry).model_fields:
            return settings.fault((*place, field_name), fault.message)
        inner = _within(entry.configuration, field_name)
        return settings.fault((*place, "configuration", *inner), fault.message)

    return locate


def _within(configuration: Mapping[str, Any], dotted: str) -> Iterable[str]:
    """The way from a configuration to the value that a dotted name means, as far as it is there."""
    rest, node = dotted, configuration
    while isinstance(node, Mapping):
        key = _leading_key(node, rest)
        if key is None:
            break
        yield key
        rest, node = rest[len(key) + 1 :], node[key]
    if rest:
        yield rest


def _leading_key(node: Mapping[str, Any], dotted: str) -> str | None:
    def leads(key: str) -> bool:
        return dotted == key or dotted.startswith(f"{key}.")

    candidates: Iterator[str] = filter(leads, map(str, node))
    return max(candidates, key=len, default=None)
