"""One polled resource as it is answered: how far it got, its polls, its slow passes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from daemon.admin.messages import instant_text
from daemon.polling.slow_pass import PassKind, Phase, SlowPass
from daemon.polling.verdict import ProbeKind, Verdict
from daemon.store.instance_resources import ConfiguredResource

_ROWS = ("seen", "new", "changed", "suppressed", "unidentified")
_LISTINGS = {
    PassKind.BACKFILL: "Tells what was there before",
    PassKind.SWEEP: "Lists everything to find what was deleted",
    PassKind.CONTENT: "Compares everything, because records have no date of change",
    PassKind.RECONCILE: "Reads a longer window again",
    PassKind.RECHECK: "Reads again what a stamp ahead of its time may have hidden",
}


def render_resource(resource: ConfiguredResource) -> dict[str, Any]:
    """The state of one resource."""
    return {
        "name": resource.name,
        "state": resource.state.replace("_", " "),
        "cursor": instant_text(resource.cursor_at),
        "baseline": instant_text(resource.baseline_at),
        "knownFrom": instant_text(resource.known_from),
        "lastPoll": instant_text(resource.last_poll_at),
        "lastSuccess": instant_text(resource.last_success_at),
        "nextPoll": instant_text(resource.next_poll_at),
        "lastError": resource.last_error or _brake(resource),
        "lastErrorSince": instant_text(resource.last_error_at),
        "failures": resource.failures,
        "rows": _rows(resource),
        "lastPollSummary": resource.last_poll,
        "missed": resource.missed,
        "lateness": _lateness(resource),
        "slowPasses": [_render_pass(slow) for slow in resource.work.values() if not _is_off(slow)],
        "clock": _clock(resource),
        "probes": _probes(resource),
        "nextSequence": resource.next_sequence,
    }


def _brake(resource: ConfiguredResource) -> str | None:
    """Why a sweep stopped, which is an error that only a person can end."""
    return next((slow.brake for slow in resource.work.values() if slow.brake), None)


def _rows(resource: ConfiguredResource) -> dict[str, int] | None:
    """What the last poll read."""
    if resource.last_poll is None:
        return None
    return {name: resource.last_poll.get(name, 0) for name in _ROWS}


def _lateness(resource: ConfiguredResource) -> dict[str, Any]:
    lateness = resource.lateness
    return {
        "changes": lateness.count,
        "p50Seconds": lateness.seen_within(0.5),
        "p99Seconds": lateness.seen_within(0.99),
        "latestArrivalSeconds": lateness.latest_arrival,
        "advice": lateness.advice(float(resource.configuration.get("overlapSeconds", 0))),
    }


def _is_off(slow: SlowPass) -> bool:
    """Whether it is only there for what has to be known if sweeps come back."""
    return slow.is_over and slow.lists_others


def _render_pass(slow: SlowPass) -> dict[str, Any]:
    return {
        "kind": slow.kind,
        "phase": slow.phase,
        "nextStart": instant_text(slow.due_at) if slow.phase is Phase.WAITING else None,
        "from": instant_text(slow.lower),
        "until": instant_text(slow.until),
        "reached": instant_text(slow.anchor),
        "progress": _progress(slow),
        "objectsSeen": slow.seen,
        "confirmed": slow.confirmed,
        "brake": slow.brake,
        "message": _words(slow),
    }


def _progress(slow: SlowPass) -> float | None:
    """Which share of its window a listing has read; None where that cannot be said."""
    if slow.phase is not Phase.LISTING:
        return None
    if slow.lower is None or slow.until is None or slow.anchor is None or slow.until <= slow.lower:
        return None
    share = (slow.anchor - slow.lower) / (slow.until - slow.lower)
    return round(min(max(share, 0.0), 1.0), 4)


def _words(slow: SlowPass) -> str:
    return " ".join([slow.brake or _doing(slow), *_beside_the_filter(slow)])


def _beside_the_filter(slow: SlowPass) -> Iterator[str]:
    """What becomes of objects that a filter no longer lets through."""
    if slow.lists_others:
        yield (
            "The filter was changed: what the next listing does not show is taken to have left it,"
            " and is told as deleted only if it is gone when read by its id."
        )
    if slow.outside:
        yield (
            f"Objects outside of the filter: {slow.outside}. They are there, and are read by their"
            " ids once in a while, so that their deletion is told too."
        )


def _doing(slow: SlowPass) -> str:
    if slow.phase is Phase.CONFIRMING:
        return "Reads by id what two listings did not show."
    if slow.phase is Phase.LISTING:
        reached = f", stamps up to {instant_text(slow.anchor)} so far" if slow.anchor else ""
        seen = f", {slow.seen} objects so far" if slow.seen else ""
        return f"{_LISTINGS[slow.kind]}{reached}{seen}."
    if slow.due_at is None:
        return "Has ended."
    if slow.kind is PassKind.RECHECK:
        return f"Begins at {instant_text(slow.due_at)}; once a day while stamps are proved UTC."
    return f"Begins at {instant_text(slow.due_at)}."


def _clock(resource: ConfiguredResource) -> dict[str, Any]:
    """What is known of the provider's clock and of the zone of its stamps."""
    skew, clock = resource.skew_seconds, resource.probes.find(ProbeKind.CLOCK)
    sentences = [_frame(resource), *([] if clock is None else [clock.detail])]
    return {
        "utcProved": instant_text(resource.utc_proved_at),
        "skewSeconds": None if skew is None else round(skew, 3),
        "message": " ".join(sentences),
    }


def _frame(resource: ConfiguredResource) -> str:
    stamps = resource.probes.find(ProbeKind.STAMPS)
    if resource.utc_proved_at is not None:
        is_told = stamps is not None and stamps.verdict is Verdict.PROVED
        return stamps.detail if stamps and is_told else "The zone of the stamps is proved."
    if stamps is not None and stamps.verdict is not Verdict.UNKNOWN:
        return stamps.detail
    return "That the stamps are UTC is not proved, so more is read again at every poll."


def _probes(resource: ConfiguredResource) -> dict[str, Any]:
    shown = resource.probes.as_json()
    return {kind.value: shown[kind.value] for kind in ProbeKind if kind.value in shown}
