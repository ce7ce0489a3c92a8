"""The schemas of the API description: what bodies and answers hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.admin.instance_bodies import OnFilterChange
from daemon.polling.slow_pass import PassKind, Phase

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
INSTANT: Schema = {"type": ["string", "null"], "format": "date-time"}
OPTIONAL_NUMBER: Schema = {"type": ["number", "null"]}
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

_ON_FILTER_CHANGE: Schema = {
    "enum": list(OnFilterChange),
    "description": "What becomes of a cursor whose filter, id field, date field or zone changes:"
    " keep goes on from it, rewind goes back to the baseline, baseline reads a new one.",
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
    "SignIn": _object(
        username=TEXT,
        password=TEXT,
        link={"type": "string", "description": "The secret of a one-time link, and nothing else"},
    ),
    "SignedIn": _object("token expiresAt", token=TEXT, expiresAt=INSTANT),
    "Session": _object(
        "username organization expiresAt csrfToken version baseUrl sandbox",
        username=TEXT,
        organization=TEXT,
        expiresAt=INSTANT,
        csrfToken=TEXT,
        version=TEXT,
        baseUrl=TEXT,
        sandbox=FLAG,
    ),
    "Secrets": _object("userSecret organizationSecret", userSecret=TEXT, organizationSecret=TEXT),
    "ConsentRequest": _object(configuration=ANYTHING, instanceId=NUMBER),
    "Consent": _object(
        "state callbackUrl oauthUrl",
        state=TEXT,
        callbackUrl=TEXT,
        oauthUrl={"type": "string", "format": "uri"},
    ),
    "Page": TEXT,
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
    "InstanceChange": _object(onFilterChange=_ON_FILTER_CHANGE, **_INSTANCE_BODY),
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
        clockSkewSeconds={
            **OPTIONAL_NUMBER,
            "description": "How far the provider's clock is ahead of ours, at its worst.",
        },
        missed=NUMBER,
        resources=_list("ResourceState"),
    ),
    "ResourceState": _object(
        "name state",
        name=TEXT,
        state={"enum": ["baseline pending", "active", "degraded", "paused", "stopped"]},
        cursor=INSTANT,
        baseline=INSTANT,
        knownFrom={**INSTANT, "description": "The lowest stamp that was read; null if all were."},
        lastPoll=INSTANT,
        lastSuccess=INSTANT,
        nextPoll=INSTANT,
        lastError=OPTIONAL_TEXT,
        lastErrorSince=INSTANT,
        failures=NUMBER,
        rows={
            "type": ["object", "null"],
            "description": "What the last poll read.",
            "properties": dict.fromkeys(
                ("seen", "new", "changed", "suppressed", "unidentified"), NUMBER
            ),
        },
        lastPollSummary={"type": ["object", "null"]},
        missed={**NUMBER, "description": "Changes that only slow passes found."},
        lateness=reference("Lateness"),
        slowPasses=_list("SlowPass"),
        clock=_object(utcProved=INSTANT, skewSeconds=OPTIONAL_NUMBER, message=TEXT),
        probes=ANYTHING,
        nextSequence=NUMBER,
    ),
    "Lateness": _object(
        "changes advice",
        changes=NUMBER,
        p50Seconds={**OPTIONAL_NUMBER, "description": "From a change to its first sight."},
        p99Seconds=OPTIONAL_NUMBER,
        latestArrivalSeconds={
            **OPTIONAL_NUMBER,
            "description": "The longest that a change was invisible after its own stamp.",
        },
        advice={**TEXT, "description": "The overlap that follows from it."},
    ),
    "SlowPass": _object(
        "kind phase message",
        kind={"enum": list(PassKind)},
        phase={"enum": list(Phase)},
        nextStart=INSTANT,
        **{"from": INSTANT},
        until=INSTANT,
        reached=INSTANT,
        progress={**OPTIONAL_NUMBER, "minimum": 0, "maximum": 1},
        objectsSeen=NUMBER,
        confirmed=FLAG,
        brake={**OPTIONAL_TEXT, "description": "Why it stopped, until a person confirms."},
        message=TEXT,
    ),
    "Rewind": _object(
        "to",
        to={
            "type": "string",
            "format": "date-time",
            "description": "Where to read from again, not after the cursor.",
        },
        resend={
            **FLAG,
            "default": False,
            "description": "Whether what is known is told again, as further changes.",
        },
    ),
    "Sweep": _object(
        confirm={
            **FLAG,
            "default": False,
            "description": "Whether so many deletions that a sweep stops at are to be believed.",
        }
    ),
    "Record": {**ANYTHING, "description": "The provider's own names and values."},
    "Records": _list("Record"),
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
        "propertyValue",
        propertyValue={"description": "A text, or the value's natural type."},
        onFilterChange=_ON_FILTER_CHANGE,
    ),
}

OPTIONAL_BODIES = frozenset({"Sweep"})
"""What a call may leave out altogether."""
