"""Elements: which providers there are, how their instances are configured, where consent begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from daemon.admin.context import CONTEXT, Rules
from daemon.admin.messages import answer
from daemon.configuration_keys import POLLER_CONFIGURATION, keys_of
from daemon.connectors.connector import Connector, Element
from daemon.errors import Fault, InvalidInput, NotFound

AUTHORIZATION_PARAMETERS: Mapping[str, str] = {
    "apiKey": "oauth.api.key",
    "apiSecret": "oauth.api.secret",
    "callbackUrl": "oauth.callback.url",
}


async def list_elements(request: web.Request) -> web.Response:
    """GET /elements"""
    connectors = request.app[CONTEXT].connectors
    return answer([render_element(entry.element, whole=True) for entry in connectors.values()])


async def get_element(request: web.Request) -> web.Response:
    """GET /elements/{element}"""
    return answer(render_element(_named(request).element, whole=True))


async def get_configuration(request: web.Request) -> web.Response:
    """GET /elements/{element}/configuration"""
    return answer(_render_keys(_named(request).element))


async def get_metadata(request: web.Request) -> web.Response:
    """GET /elements/{element}/metadata"""
    element = _named(request).element
    return answer(
        {
            "events": {"supported": True, "methods": ["polling"]},
            "bulk": {"supported": False},
            "transformations": {"supported": False},
            "resources": [
                {
                    "name": resource.name,
                    "polledByDefault": resource.default,
                    "pollable": resource.refusal is None,
                    "reason": resource.refusal,
                    "updatedDateField": resource.updated_field,
                    "createdDateField": resource.created_field,
                }
                for resource in element.resources.values()
            ],
        }
    )


async def get_authorization_url(request: web.Request) -> web.Response:
    """GET /elements/{element}/oauth/url"""
    connector = _named(request)
    missing = [name for name in ("apiKey", "callbackUrl") if not request.query.get(name)]
    if missing:
        raise InvalidInput(Fault(field=name, message="is needed") for name in missing)
    given = {AUTHORIZATION_PARAMETERS.get(name, name): text for name, text in request.query.items()}
    known = keys_of(connector.element)
    configuration = {key: text for key, text in given.items() if key in known and text}
    state = request.query.get("state") or connector.element.key
    return answer(
        {
            "oauthUrl": connector.authorize_url(configuration, state),
            "element": connector.element.key,
        }
    )


def find_connector(rules: Rules, key_or_id: str) -> Connector:
    """The connector of an element by key or id. Raises NotFound."""
    for connector in rules.connectors.values():
        if key_or_id in (connector.element.key, str(connector.element.id)):
            return connector
    raise NotFound(f"No element found with key or id {key_or_id[:60]}.")


def render_element(element: Element, *, whole: bool) -> dict[str, Any]:
    """The element object; `whole` adds what instances of it can configure."""
    rendered: dict[str, Any] = {
        "id": element.id,
        "name": element.name,
        "key": element.key,
        "description": element.description,
        "image": "",
        "active": True,
        "deleted": False,
        "typeOauth": False,
        "trialAccount": False,
        "resources": [],
        "transformationsEnabled": False,
        "bulkDownloadEnabled": False,
        "bulkUploadEnabled": False,
        "cloneable": False,
        "extendable": False,
        "beta": False,
        "authentication": {"type": element.authentication},
        "extended": False,
        "hub": element.hub,
        "protocolType": "http",
        "parameters": [],
    }
    return rendered | {"configuration": _render_keys(element)} if whole else rendered


def _named(request: web.Request) -> Connector:
    return find_connector(request.app[CONTEXT], request.match_info["element"])


def _render_keys(element: Element) -> list[dict[str, Any]]:
    polling = orjson.dumps(_default_polling(element)).decode()
    return [
        {
            "key": key.key,
            "name": key.name,
            "description": key.description,
            "type": key.type,
            "required": key.required,
            "defaultValue": polling if key.key == POLLER_CONFIGURATION else key.default_value,
        }
        for key in keys_of(element).values()
    ]


def _default_polling(element: Element) -> dict[str, Any]:
    """What an instance polls that names no resource, written out to be copied and altered."""
    return {
        resource.name: {
            "url": f"/hubs/{element.hub}/{resource.name}?where={resource.updated_field}"
            f">'${{date:{resource.updated_format}}}'",
            "idField": resource.id_field,
            "datesConfiguration": {
                "updatedDateField": resource.updated_field,
                "updatedDateFormat": resource.updated_format,
            },
        }
        for resource in element.resources.values()
        if resource.default
    }
