"""The schemas of the API description: what bodies and answers hold."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.admin.instance_bodies import OnFilterChange
from daemon.admin.openapi_events import EVENT_SCHEMAS
from daemon.admin.openapi_parts import (
    ANYTHING,
    FLAG,
    INSTANT,
    NUMBER,
    OPTIONAL_TEXT,
    TEXT,
    TEXTS,
    Schema,
    list_of,
    object_of,
    reference,
)
from daemon.admin.openapi_polling import POLLING_SCHEMAS
from daemon.configuration_keys import EVENT_KEYS

_INSTANCE_BODY: dict[str, Schema] = {
    "name": {"type": "string", "minLength": 1, "maxLength": 255},
    "tags": {"type": "array", "items": {"type": "string", "maxLength": 255}, "maxItems": 50},
    "configuration": {
        **ANYTHING,
        "description": "Keys as the element lists them. A secret sent as ******** is kept.",
        "properties": {key.key: {"description": key.description} for key in EVENT_KEYS},
    },
    "providerData": object_of(code=TEXT, refresh_token=TEXT),
}

_ON_FILTER_CHANGE: Schema = {
    "enum": list(OnFilterChange),
    "description": "What becomes of a cursor whose filter, id field, date field or zone changes:"
    " keep goes on from it, rewind goes back to the baseline, baseline reads a new one.",
}

SCHEMAS: Mapping[str, Schema] = {
    "Status": object_of("status", status=TEXT, checks=ANYTHING),
    "Health": object_of(
        "status version uptimeSeconds configuration database",
        status={"enum": ["ok", "degraded"]},
        version=TEXT,
        uptimeSeconds=NUMBER,
        configuration=object_of("valid faults readAt", valid=FLAG, faults=NUMBER, readAt=INSTANT),
        database=object_of("available", available=FLAG, reason=TEXT),
        instances={"type": "object", "additionalProperties": NUMBER},
        endpoints={"type": "object", "additionalProperties": NUMBER},
        polls=object_of(due=NUMBER, late=NUMBER),
        deliveries=object_of(oldestPendingSeconds={"type": ["integer", "null"]}),
    ),
    "OpenApi": ANYTHING,
    "Nothing": {"type": "object", "maxProperties": 0},
    "Problem": object_of(
        "requestId message",
        requestId={"type": "string", "pattern": "^[0-9a-f]{24}$"},
        message=TEXT,
        faults={"type": "array", "items": object_of("field message", field=TEXT, message=TEXT)},
        providerMessage=TEXT,
    ),
    "SignIn": object_of(
        username=TEXT,
        password=TEXT,
        link={"type": "string", "description": "The secret of a one-time link, and nothing else"},
    ),
    "SignedIn": object_of("token expiresAt", token=TEXT, expiresAt=INSTANT),
    "Session": object_of(
        "signedIn",
        signedIn=FLAG,
        username=TEXT,
        organization=TEXT,
        expiresAt=INSTANT,
        csrfToken=TEXT,
        version=TEXT,
        baseUrl=TEXT,
        sandbox=FLAG,
    ),
    "Secrets": object_of("userSecret organizationSecret", userSecret=TEXT, organizationSecret=TEXT),
    "ConsentRequest": object_of(configuration=ANYTHING, instanceId=NUMBER),
    "Consent": object_of(
        "state callbackUrl oauthUrl",
        state=TEXT,
        callbackUrl=TEXT,
        oauthUrl={"type": "string", "format": "uri"},
    ),
    "Page": TEXT,
    "Element": object_of(
        "id key name hub authentication",
        id=NUMBER,
        key=TEXT,
        name=TEXT,
        hub=TEXT,
        description=TEXT,
        authentication=object_of("type", type=TEXT),
        configuration=list_of("ConfigurationKey"),
    ),
    "Elements": list_of("Element"),
    "ConfigurationKey": object_of(
        "key name type required defaultValue",
        key=TEXT,
        name=TEXT,
        description=TEXT,
        type=TEXT,
        required=FLAG,
        defaultValue=OPTIONAL_TEXT,
    ),
    "ConfigurationKeys": list_of("ConfigurationKey"),
    "Metadata": object_of(
        "events", events=object_of("supported methods", supported=FLAG, methods=TEXTS)
    ),
    "AuthorizationUrl": object_of(
        "oauthUrl element", oauthUrl={"type": "string", "format": "uri"}, element=TEXT
    ),
    "NewInstance": object_of(
        "name",
        element={
            "oneOf": [TEXT, NUMBER, object_of(key=TEXT, id=NUMBER)],
            "description": "Key or id; not needed where the address names the element.",
        },
        **_INSTANCE_BODY,
    ),
    "InstanceChange": object_of(onFilterChange=_ON_FILTER_CHANGE, **_INSTANCE_BODY),
    "Instance": object_of(
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
        declared={**FLAG, "description": "Whether the configuration file declares it."},
        user=object_of(id=NUMBER, emailAddress=TEXT, firstName=TEXT, lastName=TEXT),
        webhookSecret={**TEXT, "description": "In the answer to the creation, and nowhere else."},
    ),
    "Instances": {"oneOf": [list_of("Instance"), reference("Instance")]},
    "ConfigurationItem": object_of(
        "id key name propertyValue",
        id=NUMBER,
        key=TEXT,
        name=TEXT,
        propertyValue=OPTIONAL_TEXT,
        type=TEXT,
        required=FLAG,
    ),
    "ConfigurationItems": list_of("ConfigurationItem"),
    "ConfigurationItemChange": object_of(
        "propertyValue",
        propertyValue={"description": "A text, or the value's natural type."},
        onFilterChange=_ON_FILTER_CHANGE,
    ),
    **POLLING_SCHEMAS,
    **EVENT_SCHEMAS,
}
