"""The schemas about polling: states of instances and resources, orders, records of a hub."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.admin.openapi_parts import (
    ANYTHING,
    FLAG,
    INSTANT,
    NUMBER,
    OPTIONAL_NUMBER,
    OPTIONAL_TEXT,
    TEXT,
    Schema,
    list_of,
    object_of,
    reference,
)
from daemon.polling.slow_pass import PassKind, Phase
from daemon.polling.verdict import Verdict

_PROBE = object_of(
    "verdict detail at",
    verdict={"enum": list(Verdict)},
    detail=TEXT,
    at=INSTANT,
    shiftSeconds={"type": "number"},
)

POLLING_SCHEMAS: Mapping[str, Schema] = {
    "InstanceState": object_of(
        "state id resources",
        state=TEXT,
        stateReason=OPTIONAL_TEXT,
        stateSince=INSTANT,
        id=NUMBER,
        credentials=object_of(generation=NUMBER, refreshAt=INSTANT, expiresAt=INSTANT),
        rateBudget=object_of(callsLeft=NUMBER),
        clockSkewSeconds={
            **OPTIONAL_NUMBER,
            "description": "How far the provider's clock is ahead of ours, at its worst.",
        },
        missed=NUMBER,
        endpoint={"anyOf": [reference("EndpointStatus"), {"type": "null"}]},
        resources=list_of("ResourceState"),
    ),
    "ResourceState": object_of(
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
        slowPasses=list_of("SlowPass"),
        clock=object_of(utcProved=INSTANT, skewSeconds=OPTIONAL_NUMBER, message=TEXT),
        probes=object_of(stamps=_PROBE, literal=_PROBE, clock=_PROBE),
        nextSequence=NUMBER,
    ),
    "Lateness": object_of(
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
    "SlowPass": object_of(
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
    "Rewind": object_of(
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
    "Sweep": object_of(
        confirm={
            **FLAG,
            "default": False,
            "description": "Whether so many deletions that a sweep stops at are to be believed.",
        }
    ),
    "Record": {**ANYTHING, "description": "The provider's own names and values."},
    "Records": list_of("Record"),
}
"""How instances are doing and what can be asked of their resources."""

OPTIONAL_BODIES = frozenset({"Sweep"})
"""What a call may leave out altogether."""
