"""Reporting: how a poll went, for the log, the metrics, the resource's state and its next start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from daemon.instance import PollTarget
from daemon.logs import RepeatGate
from daemon.polling.history import History, Tick
from daemon.polling.means import PollingMeans
from daemon.polling.source import Tally
from daemon.polling.watch import Watch
from daemon.store.resources import PollOutcome, Progress

log = structlog.get_logger(__name__)

HISTORY_SECONDS = 5.0
"""Polls that follow each other faster are written into the history together."""


class Reporter:
    """Reports the polls of one resource; knows how many failures in a row there have been."""

    def __init__(self, means: PollingMeans, target: PollTarget) -> None:
        self.failures = 0
        self._history = History()
        self._history_written_at = datetime.min.replace(tzinfo=UTC)
        self._late_seconds = 0.0
        self._means = means
        self._target = target
        self._label = _label(means, target)
        self._gate = RepeatGate()
        self._missed = 0
        self._slow_trouble: str | None = None
        self._undated: str | None = None

    def resume(self, progress: Progress) -> None:
        """Go on from what was written down."""
        self.failures, self._history = progress.failures, progress.history

    def late_start(self, seconds: float) -> None:
        """A poll began so long after it was due."""
        self._late_seconds = max(0.0, seconds)
        self._means.metrics.poll_lateness.observe(self._late_seconds)

    def dropped(self) -> None:
        """A poll was begun under a lease or a configuration that no longer holds."""
        self._count("fenced")

    def succeeded(
        self, watch: Watch, tally: Tally, began: datetime, following: datetime, seconds: float
    ) -> None:
        """A live poll came to its end; the next one is due at `following`."""
        self._count("ok")
        self._means.metrics.poll_duration.observe(seconds)
        summary = {**_summary(tally), "seconds": round(seconds, 3)}
        (log.info if tally.told else log.debug)("poll.finished", **summary)
        self._measure(watch, tally)
        self._undated = self._note_undated(watch, tally)
        recovered, self.failures = self.failures > 0, 0
        if times := self._gate.close("poll"):
            log.info("poll.recovered", failures=times)
        self._record(watch, began, following, summary=summary)
        if recovered:
            self._means.schedule.states_changed(self._target.instance.id)

    def failed(
        self, watch: Watch | None, reason: str, began: datetime, following: datetime
    ) -> None:
        """A live poll failed; it is tried again at `following`."""
        self._count("failed")
        if self._gate.opens("poll", reason):
            wait = (following - self._means.now()).total_seconds()
            log.warning("poll.failed", reason=reason, retry_seconds=round(wait, 1))
        self._record(watch, began, following, error=reason)
        self._means.schedule.states_changed(self._target.instance.id)

    def slow_step(self, watch: Watch, tally: Tally) -> None:
        """A page or a confirmation of slow work was committed."""
        if tally.told:
            log.info("slow_work.told", **_summary(tally), missed=tally.missed)
        if tally.braked:
            self._count("sweep_braked")
        at = int(self._means.now().timestamp())
        seen = Tick(at=at, polls=0, changed=tally.told, pages=tally.pages)
        self._history = self._history.noted(seen)
        self._slow_trouble = None
        if times := self._gate.close("slow"):
            log.info("slow_work.recovered", failures=times)
        self._missed += tally.missed
        self._measure(watch, tally)

    def slow_failed(self, reason: str, pause: timedelta) -> None:
        """Slow work met trouble; it goes on where it was after the pause."""
        self._count("slow_failed")
        self._slow_trouble = f"Slow work fails, and is tried again: {reason}"
        if self._gate.opens("slow", reason):
            seconds = round(pause.total_seconds(), 1)
            log.warning("slow_work.failed", reason=reason, retry_seconds=seconds)

    def _record(
        self,
        watch: Watch | None,
        began: datetime,
        following: datetime,
        *,
        error: str | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> None:
        progress = None if watch is None else watch.journal.progress
        brake = None if watch is None else watch.slow_work.brake
        missed, self._missed = self._missed, 0
        outcome = PollOutcome(
            resource_id=self._target.resource_id,
            instance_id=self._target.instance.id,
            version=self._target.version,
            next_poll_at=following,
            last_poll_at=began,
            last_success_at=began if error is None else None,
            last_error=error or self._slow_trouble or brake or self._undated,
            failures=self.failures,
            summary=summary,
            cursor_at=None if progress is None else progress.marks.cursor_at,
            clock=None if progress is None else progress.marks.clock,
            lateness=None if progress is None else progress.lateness,
            probes=None if progress is None else progress.probes,
            missed=missed,
            history=self._note(began, error, summary),
        )
        self._means.schedule.record(outcome)

    def _note_undated(self, watch: Watch, tally: Tally) -> str | None:
        """What is wrong if no record has a date that could be read, although one is configured."""
        cursor = watch.polling.cursor
        if cursor is None or not 0 < tally.seen == tally.undated:
            self._gate.close("dates")
            return None
        reason = (
            f"None of the {tally.seen} records read has a {cursor.field} that can be read as"
            f" {cursor.format.text}: every poll reads all of them, and compares what they contain"
        )
        if self._gate.opens("dates", reason):
            log.warning("poll.undated", reason=reason)
        return reason

    def _note(
        self, began: datetime, error: str | None, summary: Mapping[str, Any] | None
    ) -> History | None:
        """The history with this poll, if it is time to write it down."""
        late, self._late_seconds = self._late_seconds, 0.0
        poll = Tick(
            at=int(began.timestamp()),
            failed=0 if error is None else 1,
            changed=summary["told"] if summary else 0,
            pages=summary["pages"] if summary else 0,
            milliseconds=round(summary["seconds"] * 1000) if summary else 0,
            late_milliseconds=round(late * 1000),
        )
        self._history = self._history.noted(poll)
        if (began - self._history_written_at).total_seconds() < HISTORY_SECONDS:
            return None
        self._history_written_at = began
        return self._history

    def _measure(self, watch: Watch, tally: Tally) -> None:
        metrics, element = self._means.metrics, self._target.instance.element_key
        for outcome in ("new", "changed", "suppressed"):
            metrics.records.labels(element, self._label, outcome).inc(getattr(tally, outcome))
        metrics.poison_records.labels(element, self._label).inc(tally.unidentified)
        metrics.missed.inc(tally.missed)
        for kind, count in tally.kinds.items():
            metrics.events.labels(element, self._label, kind).inc(count)
        proof, now = watch.journal.marks.utc, self._means.now()
        if proof is None or not proof.holds(now + proof.skew, now):
            return  # stamps of an unknown frame say nothing of lateness
        lateness = [
            max(0.0, (now + proof.skew - stamp).total_seconds()) for stamp in tally.first_seen
        ]
        for seconds in lateness:
            metrics.record_lateness.observe(seconds)
        if lateness:
            watch.journal.observe(lateness, tally.late)

    def _count(self, outcome: str) -> None:
        element = self._target.instance.element_key
        self._means.metrics.polls.labels(element, self._label, outcome).inc()


def _summary(tally: Tally) -> dict[str, object]:
    """The counts of a poll, for its log line and for the resource's state."""
    return {
        "pages": tally.pages,
        "seen": tally.seen,
        "new": tally.new,
        "changed": tally.changed,
        "suppressed": tally.suppressed,
        "told": tally.told,
        "unidentified": tally.unidentified,
    }


def _label(means: PollingMeans, target: PollTarget) -> str:
    """The resource's name in metrics: the element's own names only, or series would multiply."""
    known = means.connectors[target.instance.element_key].element.resources
    return target.name if target.name in known else "other"
