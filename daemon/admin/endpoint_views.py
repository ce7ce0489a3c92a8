"""How a callback is doing, as it is answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.admin.messages import instant_text
from daemon.delivery.endpoint import disables_at
from daemon.store.endpoints import Endpoint


def render_status(endpoint: Endpoint, patience: timedelta) -> dict[str, Any]:
    """Whether it is sent to, since when it is as it is, and when or why it is given up."""
    status = endpoint.status
    return {
        "url": endpoint.url,
        "state": status.state,
        "stateSince": instant_text(endpoint.state_since),
        "active": endpoint.is_sent_to,
        "failures": status.failures,
        "failingSince": instant_text(status.failing_since),
        "nextProbe": instant_text(status.next_probe_at),
        "disablesAt": instant_text(disables_at(status, patience, datetime.now(UTC))),
        "warningPercent": status.warned,
        "lastError": status.last_error,
        "lastSuccess": instant_text(status.last_success_at),
        "disabledReason": status.disabled_reason,
    }
