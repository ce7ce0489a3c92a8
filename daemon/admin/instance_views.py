"""The instance as it is answered: its object, its configuration items, its state."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from daemon.admin.elements import render_element
from daemon.admin.messages import instant_text
from daemon.admin.resource_views import render_resource
from daemon.configuration_keys import keys_of
from daemon.connectors.connector import ConfigurationKey, Element
from daemon.instance import InstanceState
from daemon.instance_configuration import MASK, enabled, property_value
from daemon.store.instance_resources import ConfiguredResource
from daemon.store.instances import OwnedInstance


def render_instance(
    owned: OwnedInstance, element: Element, *, webhook_secret: str | None = None
) -> dict[str, Any]:
    """The instance object; secrets are masked, the webhook secret is shown to whom it is new."""
    instance = owned.instance
    rendered: dict[str, Any] = {
        "state": instance.state,
        "stateReason": instance.state_reason,
        "stateSince": instant_text(instance.state_since),
        "id": instance.id,
        "name": instance.name,
        "createdDate": instant_text(instance.created_at),
        "updatedDate": instant_text(instance.updated_at),
        "token": owned.token,
        "element": render_element(element, whole=False),
        "elementId": element.id,
        "tags": list(instance.tags),
        "provisionInteractions": [],
        "valid": instance.state is not InstanceState.NEEDS_REAUTH,
        "disabled": instance.state is InstanceState.DISABLED,
        "maxCacheSize": 0,
        "cacheTimeToLive": 0,
        "configuration": masked_configuration(owned),
        "eventsEnabled": enabled(instance.configuration),
        "traceLoggingEnabled": False,
        "cachingEnabled": False,
        "externalAuthentication": "none",
        "declared": owned.declared_name is not None,
        "user": _render_owner(owned),
    }
    return rendered | ({"webhookSecret": webhook_secret} if webhook_secret else {})


def masked_configuration(owned: OwnedInstance) -> dict[str, Any]:
    """What was configured, with a mask for each secret."""
    return {**owned.instance.configuration, **dict.fromkeys(owned.secrets, MASK)}


def render_items(owned: OwnedInstance, element: Element) -> list[dict[str, Any]]:
    """What is configured, and what applies because nothing else is."""
    values = masked_configuration(owned)
    known = keys_of(element)
    shown = [key for key in known if key in values or known[key].default_value is not None]
    shown += [key for key in values if key not in known]
    return [render_item(key, known.get(key), values) for key in shown]


def render_item(
    key: str, description: ConfigurationKey | None, values: Mapping[str, Any]
) -> dict[str, Any]:
    """One configuration item; its id is made of the key, so it is the same in every instance."""
    default = description.default_value if description else None
    return {
        "id": item_id(key),
        "key": key,
        "name": description.name if description else key,
        "propertyValue": property_value(values[key]) if key in values else default,
        "type": description.type if description else "TEXTFIELD_1000",
        "required": description.required if description else False,
    }


def item_id(key: str) -> int:
    """The number that a configuration key goes by."""
    return zlib.crc32(key.encode())


def render_state(
    owned: OwnedInstance,
    resources: Sequence[ConfiguredResource],
    calls_left: int,
    endpoint: dict[str, Any] | None,
) -> dict[str, Any]:
    """How an instance is doing, its callback and each resource; `calls_left` are its account's for
    now."""
    instance = owned.instance
    return {
        "state": instance.state,
        "stateReason": instance.state_reason,
        "stateSince": instant_text(instance.state_since),
        "id": instance.id,
        "credentials": {
            "generation": owned.credentials_generation,
            "refreshAt": instant_text(owned.credentials_refresh_at),
            "expiresAt": instant_text(owned.credentials_expires_at),
        },
        "rateBudget": {"callsLeft": calls_left},
        "clockSkewSeconds": _largest_skew(resources),
        "missed": sum(resource.missed for resource in resources),
        "endpoint": endpoint,
        "resources": [render_resource(resource) for resource in resources],
    }


def _largest_skew(resources: Sequence[ConfiguredResource]) -> float | None:
    """How far the provider's clock was ahead of ours (behind: negative) at its worst."""
    skews = [each.skew_seconds for each in resources if each.skew_seconds is not None]
    worst = max(skews, key=abs, default=None)
    return None if worst is None else round(worst, 3)


def _render_owner(owned: OwnedInstance) -> dict[str, Any]:
    owner = owned.owner
    return {
        "id": owner.id,
        "emailAddress": owner.email_address,
        "firstName": owner.first_name,
        "lastName": owner.last_name,
    }
