"""The schemas of the API description, and the parameters of its calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
INSTANT: Schema = {"type": ["string", "null"], "format": "date-time"}
OPTIONAL_TEXT: Schema = {"type": ["string", "null"]}
TEXTS: Schema = {"type": "array", "items": TEXT}
ANYTHING: Schema = {"type": "object", "additionalProperties": True}


def reference(name: str) -> Schema:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: str = "", /, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        **({"required": required.split()} if required else {}),
    }


def _list(name: str) -> Schema:
    return {"type": "array", "items": reference(name)}


_INSTANCE_BODY: dict[str, Schema] = {
    "name": {"type": "string", "minLength": 1, "maxLength": 255},
    "tags": {"type": "array", "items": {"type": "string", "maxLength": 255}, "maxItems": 50},
    "configuration": {
        **ANYTHING,
        "description": "Keys as the element lists them. A secret sent as ******** is kept.",
    },
    "providerData": _object(code=TEXT, refresh_token=TEXT),
}

SCHEMAS: Mapping[str, Schema] = {
    "Status": _object("status", status=TEXT, checks=ANYTHING),
    "Health": _object(
        "status version uptimeSeconds database",
        status={"enum": ["ok", "degraded"]},
        version=TEXT,
        uptimeSeconds=NUMBER,
        database=_object("available", available=FLAG, reason=TEXT),
        instances={"type": "object", "additionalProperties": NUMBER},
        polls=_object(due=NUMBER, late=NUMBER),
        deliveries=_object(oldestPendingSeconds={"type": ["integer", "null"]}),
    ),
    "OpenApi": ANYTHING,
    "Nothing": {"type": "object", "maxProperties": 0},
    "Problem": _object(
        "requestId message",
        requestId={"type": "string", "pattern": "^[0-9a-f]{24}$"},
        message=TEXT,
        faults={"type": "array", "items": _object("field message", field=TEXT, message=TEXT)},
        providerMessage=TEXT,
    ),
    "Element": _object(
        "id key name hub authentication",
        id=NUMBER,
        key=TEXT,
        name=TEXT,
        hub=TEXT,
        description=TEXT,
        authentication=_object("type", type=TEXT),
        configuration=_list("ConfigurationKey"),
    ),
    "Elements": _list("Element"),
    "ConfigurationKey": _object(
        "key name type required defaultValue",
        key=TEXT,
        name=TEXT,
        description=TEXT,
        type=TEXT,
        required=FLAG,
        defaultValue=OPTIONAL_TEXT,
    ),
    "ConfigurationKeys": _list("ConfigurationKey"),
    "Metadata": _object(
        "events", events=_object("supported methods", supported=FLAG, methods=TEXTS)
    ),
    "AuthorizationUrl": _object(
        "oauthUrl element", oauthUrl={"type": "string", "format": "uri"}, element=TEXT
    ),
    "NewInstance": _object(
        "name",
        element={
            "oneOf": [TEXT, NUMBER, _object(key=TEXT, id=NUMBER)],
            "description": "Key or id; not needed where the address names the element.",
        },
        **_INSTANCE_BODY,
    ),
    "InstanceChange": _object(**_INSTANCE_BODY),
    "Instance": _object(
        "id name token element elementId tags valid disabled eventsEnabled configuration state",
        state={"enum": ["active", "degraded", "needs_reauth", "disabled"]},
        stateReason=OPTIONAL_TEXT,
        stateSince=INSTANT,
        id=NUMBER,
        name=TEXT,
        createdDate=INSTANT,
        updatedDate=INSTANT,
        token=TEXT,
        element=reference("Element"),
        elementId=NUMBER,
        tags=TEXTS,
        valid=FLAG,
        disabled=FLAG,
        eventsEnabled=FLAG,
        configuration=ANYTHING,
        externalAuthentication=TEXT,
        user=_object(id=NUMBER, emailAddress=TEXT, firstName=TEXT, lastName=TEXT),
        webhookSecret={**TEXT, "description": "In the answer to the creation, and nowhere else."},
    ),
    "Instances": {"oneOf": [_list("Instance"), reference("Instance")]},
    "InstanceState": _object(
        "state id resources",
        state=TEXT,
        stateReason=OPTIONAL_TEXT,
        stateSince=INSTANT,
        id=NUMBER,
        credentials=_object(generation=NUMBER, refreshAt=INSTANT),
        rateBudget=_object(callsLeft=NUMBER),
        resources=_list("ResourceState"),
    ),
    "ResourceState": _object(
        "name state",
        name=TEXT,
        state={"enum": ["baseline pending", "active", "degraded", "paused", "stopped"]},
        cursor=INSTANT,
        baseline=INSTANT,
        lastPoll=INSTANT,
        lastSuccess=INSTANT,
        nextPoll=INSTANT,
        lastError=OPTIONAL_TEXT,
        lastErrorSince=INSTANT,
        failures=NUMBER,
        lastPollSummary={"type": ["object", "null"]},
        nextSequence=NUMBER,
    ),
    "ConfigurationItem": _object(
        "id key name propertyValue",
        id=NUMBER,
        key=TEXT,
        name=TEXT,
        propertyValue=OPTIONAL_TEXT,
        type=TEXT,
        required=FLAG,
    ),
    "ConfigurationItems": _list("ConfigurationItem"),
    "ConfigurationItemChange": _object(
        "propertyValue", propertyValue={"description": "A text, or the value's natural type."}
    ),
}


def _query(name: str, schema: Schema, description: str = "", *, required: bool = False) -> Schema:
    described = {"description": description} if description else {}
    return {"in": "query", "name": name, "schema": schema, "required": required, **described}


PARAMETERS: Mapping[tuple[str, str], list[Schema]] = {
    ("GET", "/readyz"): [
        {
            "in": "query",
            "name": "verbose",
            "schema": TEXT,
            "allowEmptyValue": True,
            "description": "Lists all checks.",
        }
    ],
    ("GET", "/instances"): [
        _query("tags[]", TEXTS, "Only instances with all of these tags."),
        _query("searchText", TEXT, "Only instances whose name holds this text, in any case."),
        _query("page", {"type": "integer", "minimum": 1, "default": 1}),
        _query("pageSize", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 200}),
    ],
    ("GET", "/elements/{element}/oauth/url"): [
        _query("apiKey", TEXT, "The client id.", required=True),
        _query("apiSecret", TEXT, "The client secret; it is not needed here."),
        _query("callbackUrl", TEXT, "Where the provider sends the code.", required=True),
        _query("state", TEXT, "Comes back with the code; the element's key if not given."),
    ],
    ("POST", "/instances"): [{"$ref": "#/components/parameters/IdempotencyKey"}],
    ("POST", "/elements/{element}/instances"): [{"$ref": "#/components/parameters/IdempotencyKey"}],
}
"""The parameters of a call besides those in its address."""

IDEMPOTENCY_KEY: Schema = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "The same key with the same body gets the first answer again for 24 hours.",
}
