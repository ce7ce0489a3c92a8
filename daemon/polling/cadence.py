"""The cadence of one resource: when to poll, what a failure means, how a poll is reported."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import datetime, timedelta

import structlog

from daemon.errors import (
    CredentialsRefused,
    DatabaseUnavailable,
    Fenced,
    PollhookError,
    RateLimited,
    RevisionMismatch,
)
from daemon.instance import PollTarget, ResourceState
from daemon.logs import RepeatGate
from daemon.polling.journal import Journal
from daemon.polling.means import PollingMeans
from daemon.polling.poller import Manner, Poller
from daemon.polling.reader import Reader
from daemon.polling.schedule import backoff, first_due, next_due
from daemon.polling.signals import Signals
from daemon.polling.source import Tally
from daemon.polling.target import context_maker, interval_of, margins_of, typed_polling
from daemon.store.resources import PollOutcome, Progress, load_progress

log = structlog.get_logger(__name__)

DATABASE_WAIT = timedelta(seconds=1)
INTERNAL_ERROR = "An unexpected error of pollhook itself; the log has its trace."


class Cadence:
    """Polls one resource again and again. Made anew whenever its configuration changes."""

    def __init__(
        self, means: PollingMeans, target: PollTarget, concurrency: asyncio.Semaphore
    ) -> None:
        self._means = means
        self._target = target
        self._concurrency = concurrency
        self._interval = interval_of(target, means.settings)
        self._label = _label(means, target)
        self._failures = 0
        self._gate = RepeatGate()
        self._poller: Poller | None = None
        self._journal: Journal | None = None

    async def run(self, signals: Signals) -> None:
        """Poll at every beat until told to stop. Raises Fenced when the configuration has moved."""
        progress = await load_progress(self._means.database, self._target.resource_id)
        self._failures = progress.failures
        due = self._first_due(progress)
        while not signals.stop.is_set():
            signals.poll_now.clear()
            await _wait(signals, (due - self._means.now()).total_seconds())
            if signals.stop.is_set():
                return
            async with self._concurrency:
                if not signals.poll_now.is_set():
                    lateness = (self._means.now() - due).total_seconds()
                    self._means.metrics.poll_lateness.observe(max(0.0, lateness))
                due = await self.run_once(due)
            signals.polled.set()

    def _first_due(self, progress: Progress) -> datetime:
        """A baseline is read at once, since somebody waits for it; the others are spread."""
        now = self._means.now()
        if progress.state is ResourceState.BASELINE_PENDING and progress.failures == 0:
            return now
        return first_due(progress.next_poll_at, now, self._interval, random.random())

    async def run_once(self, due: datetime) -> datetime:
        """One poll with its outcome recorded; answers when the next one is due."""
        began, started = self._means.now(), time.perf_counter()
        try:
            tally = await self._poll()
        except DatabaseUnavailable as error:
            log.debug("poll.waits_for_database", reason=str(error))
            return self._means.now() + DATABASE_WAIT
        except (Fenced, RevisionMismatch):
            self._count("fenced")
            raise
        except PollhookError as error:
            return self._fail(error, str(error), began)
        except Exception as error:
            log.exception("poll.broke")
            return self._fail(error, INTERNAL_ERROR, began)
        return self._succeed(tally, due, began, time.perf_counter() - started)

    async def _poll(self) -> Tally:
        if self._poller is None:
            self._poller = await self._open()
        try:
            return await self._poller.poll_once()
        except BaseException:
            self._poller = None  # what was not committed is read again from what was
            raise

    async def _open(self) -> Poller:
        means, target = self._means, self._target
        connector = means.connectors[target.instance.element_key]
        polling = typed_polling(target, connector.element, means.settings)
        progress = await load_progress(means.database, target.resource_id)
        if progress.version != target.version:
            raise Fenced(f"The configuration of {target.key} has changed.")
        account = await means.accounts(target.instance.id)
        reader = Reader(
            connector,
            account,
            polling,
            timeout_seconds=means.settings.timeout_seconds,
            clock=means.now,
        )
        context = context_maker(target, connector.element, polling, means.delivery)
        self._journal = Journal(means, target, progress, context)
        manner = Manner(
            margins=margins_of(polling),
            tolerance=polling.created_check_tolerance,
            projection=reader.projection,
            only_created=not polling.filter_by_updated_date,
        )
        return Poller(reader, self._journal, manner, means.now)

    def _succeed(self, tally: Tally, due: datetime, began: datetime, seconds: float) -> datetime:
        now = self._means.now()
        self._count("ok")
        self._measure(tally, seconds, now)
        if times := self._gate.close("poll"):
            log.info("poll.recovered", failures=times)
        level = log.info if tally.told else log.debug
        level("poll.finished", seconds=round(seconds, 3), **_summary(tally))
        following = next_due(due, now, self._interval)
        recovered = self._failures > 0
        self._failures = 0
        self._record(following, began, None, {**_summary(tally), "seconds": round(seconds, 3)})
        if recovered:
            self._means.schedule.states_changed(self._target.instance.id)
        return following

    def _fail(self, error: Exception, reason: str, began: datetime) -> datetime:
        self._failures += 1
        self._count("failed")
        settings = self._means.settings
        pause = backoff(
            self._failures,
            timedelta(seconds=settings.error_backoff_seconds),
            timedelta(seconds=settings.error_backoff_max_seconds),
            random.random,
        )
        if isinstance(error, RateLimited) and error.retry_after is not None:
            pause = max(pause, error.retry_after)
        if self._gate.opens("poll", reason):
            log.warning("poll.failed", reason=reason, retry_seconds=round(pause.total_seconds(), 1))
        following = self._means.now() + pause
        self._record(following, began, reason, None)
        self._means.schedule.states_changed(self._target.instance.id)
        if isinstance(error, CredentialsRefused):
            self._means.on_needs_reauth()
        return following

    def _record(
        self,
        following: datetime,
        began: datetime,
        error: str | None,
        summary: dict[str, object] | None,
    ) -> None:
        journal = self._journal
        self._means.schedule.record(
            PollOutcome(
                resource_id=self._target.resource_id,
                instance_id=self._target.instance.id,
                version=self._target.version,
                next_poll_at=following,
                last_poll_at=began,
                last_success_at=began if error is None else None,
                last_error=error,
                failures=self._failures,
                summary=summary,
                cursor_at=None if journal is None else journal.marks.cursor_at,
            )
        )

    def _count(self, outcome: str) -> None:
        self._means.metrics.polls.labels(
            self._target.instance.element_key, self._label, outcome
        ).inc()

    def _measure(self, tally: Tally, seconds: float, now: datetime) -> None:
        metrics, element = self._means.metrics, self._target.instance.element_key
        metrics.poll_duration.observe(seconds)
        for outcome in ("new", "changed", "suppressed"):
            metrics.records.labels(element, self._label, outcome).inc(getattr(tally, outcome))
        metrics.poison_records.labels(element, self._label).inc(tally.unidentified)
        for kind, count in tally.kinds.items():
            metrics.events.labels(element, self._label, kind).inc(count)
        for stamp in tally.first_seen:
            metrics.record_lateness.observe(max(0.0, (now - stamp).total_seconds()))


async def _wait(signals: Signals, seconds: float) -> None:
    if seconds <= 0:
        return
    waits = [asyncio.create_task(event.wait()) for event in (signals.stop, signals.poll_now)]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _label(means: PollingMeans, target: PollTarget) -> str:
    """The resource's name in metrics: the element's own names only, or series would multiply."""
    known = means.connectors[target.instance.element_key].element.resources
    return target.name if target.name in known else "other"


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
