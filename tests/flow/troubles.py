"""Troubles: the faults of the stand-ins that the weather is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.flow.polled import LATE_BEYOND_OVERLAP, REPAIRED, RUSHED


@dataclass(frozen=True, slots=True)
class Trouble:
    """One fault of a stand-in with its settings."""

    fault: str
    settings: Mapping[str, Any]

    def __str__(self) -> str:
        return " ".join([self.fault, *(f"{name}={value}" for name, value in self.settings.items())])


WRITES = ("create", "update", "delete")

CREATED = ("contacts", "companies", "opportunities", "cases", RUSHED)
DELETED = ("contacts", "opportunities", "cases")
"""Companies never are: new contacts are copies of old ones and need theirs."""

SPOILT = ("contacts/5", "companies/6", "opportunities/7", "cases/8")
"""Records that no client can carry whole, all the time."""

STALE = Trouble("stale", {"seconds": 1.5, "over_page_size": 2, "probability": 0.2})
MOVED = Trouble("poison", {"what": "moved", "object": [RUSHED], "probability": 0.3})
LATE = (
    Trouble(
        "late",
        {"seconds": 8, "probability": 0.02, "object": [LATE_BEYOND_OVERLAP], "call": WRITES},
    ),
    Trouble("late", {"seconds": 2, "probability": 0.12, "object": [RUSHED], "call": WRITES}),
    Trouble("late", {"seconds": 2, "probability": 0.03, "call": WRITES}),
)
"""Some versions are later than the overlap: only reconciliation finds them."""

STANDING = (
    Trouble("poison", {"what": "nul", "record": SPOILT[0], "field": "Division"}),
    Trouble("poison", {"what": "lone_surrogate", "record": SPOILT[1], "field": "Division"}),
    Trouble("poison", {"what": "huge_integer", "record": SPOILT[2], "field": "Status"}),
    Trouble("poison", {"what": "nan", "record": SPOILT[3], "field": "Status"}),
    MOVED,
    *LATE,
)
"""What always may happen."""

# A refusal for too many calls says here how long to wait: without that everything rests for so
# long that a run of a few seconds proves less.
AT_PROVIDER = (
    STALE,
    Trouble("status", {"status": 429, "retry_after": 0.3, "probability": 0.1}),
    Trouble("status", {"status": 503, "probability": 0.1}),
    Trouble("slow", {"seconds": 0.3, "probability": 0.2}),
    Trouble("truncated", {"probability": 0.1}),
    Trouble("truncated", {"break_connection": True, "probability": 0.1}),
    Trouble("empty_answer", {"probability": 0.1}),
    Trouble("error_answer", {"probability": 0.1}),
    Trouble("reset", {"probability": 0.1}),
    Trouble("bad_token", {"form": "http_401", "probability": 0.1}),
    Trouble("bad_token", {"form": "code", "probability": 0.1}),
    Trouble("page_shift", {"whom": "any", "probability": 0.2}),
    Trouble("page_shift", {"whom": "served", "count": 5, "probability": 0.2}),
    Trouble("page_shift", {"action": "create", "object": CREATED, "probability": 0.2}),
    Trouble("page_shift", {"action": "delete", "object": DELETED, "probability": 0.05}),
    Trouble("repeated_page_key", {"probability": 0.1}),
    Trouble("unordered", {"among": "ties", "probability": 0.3}),
    Trouble("unordered", {"among": "all", "times": 1, "probability": 0.1}),
    Trouble("no_rows", {"object": REPAIRED, "probability": 0.05}),
    Trouble("poison", {"what": "no_key", "object": REPAIRED, "probability": 0.05}),
    Trouble("poison", {"what": "not_an_object", "object": REPAIRED, "probability": 0.05}),
)

AT_RECEIVER = (
    Trouble("refuse", {"status": 500, "probability": 0.15}),
    Trouble("refuse", {"status": 503, "accepted": True, "probability": 0.1}),
    Trouble("refuse", {"status": 400, "probability": 0.1}),
    Trouble("refuse", {"status": 429, "retry_after": 0.2, "probability": 0.1}),
    Trouble("flapping", {"up": 20, "down": 4}),
    Trouble("delay", {"seconds": 0.2, "probability": 0.2}),
    Trouble("reset", {"probability": 0.1}),
)
