"""The cadence of one resource: when to poll, what a failure means, slow work in between."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import datetime, timedelta

import structlog

from daemon.errors import (
    CredentialsRefused,
    DatabaseFull,
    DatabaseUnavailable,
    Fenced,
    PollhookError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RevisionMismatch,
)
from daemon.instance import PollTarget, ResourceState
from daemon.polling.means import PollingMeans
from daemon.polling.reporting import Reporter
from daemon.polling.schedule import backoff, first_due, next_due
from daemon.polling.signals import Signals
from daemon.polling.target import interval_of
from daemon.polling.watch import Watch, open_watch
from daemon.store.resources import Progress, load_progress

log = structlog.get_logger(__name__)

DATABASE_WAIT = timedelta(seconds=1)
MOST_MISMATCHES = 3
"""So many polls in a row may begin anew at once because an object was written in between."""
SLOW_LOOK = timedelta(seconds=1)
"""How often is looked whether the rate budget has something left for slow work."""
SLOW_PATIENCE = timedelta(seconds=30)
"""After so long without a step slow work goes on, however little the live polls leave to it."""
SLOW_SHARE = 0.25
"""Slow work may go on for this part of the time that the last poll took, although the next is due:
where polls take longer than their interval, it would hardly ever have its turn."""
NEVER = timedelta.max

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
        self._reporter = Reporter(means, target)
        self._watch: Watch | None = None
        self._mismatches = 0
        self._longest_wait = self._interval
        self._slow_from = means.now()
        self._slow_held_since: datetime | None = None
        self._slow_failures = 0
        self._slow_cut_off = False
        self._slow_until = 0.0

    async def run(self, signals: Signals) -> None:
        """Poll at every beat until told to stop. Raises Fenced when the configuration has moved."""
        async with self._means.loading:
            progress = await load_progress(self._means.database, self._target.resource_id)
        self._reporter.resume(progress)
        # A pass that the last process did not end goes on at once, not only after the first poll.
        self._slow_cut_off = any(slow.is_begun for slow in progress.work.values())
        due = self._first_due(progress)
        while not signals.stop.is_set():
            # If our clock was set back, the next beat is not further away than it ever was.
            due = min(due, self._means.now() + self._longest_wait)
            if self._leaves_time(due) and not signals.poll_now.is_set():
                await self._meanwhile(signals, due)
                continue
            async with self._concurrency:
                if not signals.poll_now.is_set():
                    self._reporter.late_start((self._means.now() - due).total_seconds())
                signals.poll_now.clear()
                due = await self.run_once(due)
            signals.polled.set()

    def _leaves_time(self, due: datetime) -> bool:
        """Whether a poll is not due yet, or slow work that could go on has not had its share."""
        now = self._means.now()
        if now < due or time.perf_counter() >= self._slow_until:
            return now < due
        return self._pause_of_slow_work(now) <= timedelta(0)

    def _first_due(self, progress: Progress) -> datetime:
        """A baseline is read at once, since somebody waits for it; the others are spread."""
        now = self._means.now()
        if progress.state is ResourceState.BASELINE_PENDING and progress.failures == 0:
            return now
        return first_due(progress.next_poll_at, now, self._interval, random.random())

    async def run_once(self, due: datetime) -> datetime:
        """One live poll with its outcome reported; answers when the next one is due."""
        began, started = self._means.now(), time.perf_counter()
        self._slow_cut_off = False  # a poll opens the watch anyway, and trouble of its own is told
        try:
            watch = await self._open()
            watch.journal.polled_at = began
            tally = await watch.poll()
        except DatabaseFull as error:
            return self._fail(error, str(error), began)
        except DatabaseUnavailable as error:
            log.debug("poll.begins_anew", reason=str(error))
            return self._drop_watch(self._means.now() + DATABASE_WAIT)
        except RevisionMismatch as error:
            return self._begin_anew(error, began)
        except Fenced:
            self._reporter.dropped()
            raise
        except PollhookError as error:
            return self._fail(error, str(error), began)
        except Exception as error:
            log.exception("poll.broke")
            return self._fail(error, INTERNAL_ERROR, began)
        self._mismatches, self._longest_wait = 0, self._interval
        following = next_due(due, self._means.now(), self._interval)
        seconds = time.perf_counter() - started
        self._slow_until = started + seconds * (1 + SLOW_SHARE)
        self._reporter.succeeded(watch, tally, began, following, seconds)
        return following

    async def _open(self) -> Watch:
        if self._watch is None or self._watch.is_outdated:
            self._watch = await open_watch(self._means, self._target)
        return self._watch

    def _drop_watch(self, following: datetime) -> datetime:
        """Forget what was not committed: it is read again from what was."""
        self._watch = None
        return following

    def _begin_anew(self, error: RevisionMismatch, began: datetime) -> datetime:
        """Detect again at once; what happens again and again is a failure like any other."""
        self._mismatches += 1
        if self._mismatches > MOST_MISMATCHES:
            return self._fail(error, str(error), began)
        log.debug("poll.begins_anew", reason=str(error))
        return self._drop_watch(self._means.now())

    def _fail(self, error: Exception, reason: str, began: datetime) -> datetime:
        self._reporter.failures += 1
        pause = self._pause(error, self._reporter.failures)
        self._longest_wait = max(self._interval, pause)
        following = self._means.now() + pause
        self._reporter.failed(self._watch, reason, began, following)
        if isinstance(error, CredentialsRefused):
            self._means.on_needs_reauth()
        return following if self._goes_on_after(error) else self._drop_watch(following)

    def _goes_on_after(self, error: Exception) -> bool:
        """Whether the walk goes on where a page did not come: one longer than what comes without
        a fault would begin anew for ever."""
        is_passing = isinstance(error, ProviderUnavailable | RateLimited)
        return is_passing and self._watch is not None and self._watch.poller.bookmark.holds

    def _pause(self, error: Exception, failures: int) -> timedelta:
        settings = self._means.settings
        pause = backoff(
            failures,
            timedelta(seconds=settings.error_backoff_seconds),
            timedelta(seconds=settings.error_backoff_max_seconds),
            random.random,
        )
        if isinstance(error, RateLimited) and error.retry_after is not None:
            return max(pause, error.retry_after)
        return pause

    async def _meanwhile(self, signals: Signals, due: datetime) -> None:
        """Until the next beat: a step of slow work if there is one, else a wait."""
        now = self._means.now()
        pause = self._pause_of_slow_work(now)
        if pause > timedelta(0):
            await _wait(signals, min(pause, due - now))
            return
        async with self._concurrency:
            await self._step()

    def _pause_of_slow_work(self, now: datetime) -> timedelta:
        """How long to wait before the next step of slow work; nothing of it can be NEVER."""
        begins = self._slow_from if self._slow_cut_off else None
        if self._watch is not None:
            begins = self._watch.slow_work.next_due_at()
        if begins is None:
            return NEVER
        begins = max(begins, self._slow_from)
        if begins > now:
            return begins - now
        if self._watch is None or self._watch.has_budget_for_slow_work():
            return timedelta(0)
        self._slow_held_since = self._slow_held_since or now
        return SLOW_LOOK if now - self._slow_held_since < SLOW_PATIENCE else timedelta(0)

    async def _step(self) -> None:
        """One page of slow work, or one confirmation; its trouble is not that of the live polls."""
        self._slow_held_since = None
        try:
            watch = await self._open()
            watch.journal.polled_at = self._means.now()
            tally = await watch.slow_work.step()
        except Fenced:
            raise
        except DatabaseFull as error:
            self._fail_slow_work(error, str(error))
        except (DatabaseUnavailable, RevisionMismatch) as error:
            log.debug("slow_work.begins_anew", reason=str(error))
            self._cut_off_slow_work(DATABASE_WAIT)
        except PollhookError as error:
            self._fail_slow_work(error, str(error))
        except Exception as error:
            log.exception("slow_work.broke")
            self._fail_slow_work(error, INTERNAL_ERROR)
        else:
            self._slow_failures, self._slow_cut_off = 0, False
            self._reporter.slow_step(watch, tally)

    def _cut_off_slow_work(self, pause: timedelta) -> None:
        """It goes on from what was committed, whether or not a poll comes first."""
        self._drop_watch(self._means.now())
        self._slow_cut_off = True
        self._slow_from = self._means.now() + pause

    def _fail_slow_work(self, error: Exception, reason: str) -> None:
        self._slow_failures += 1
        pause = self._pause(error, self._slow_failures)
        self._reporter.slow_failed(reason, pause)
        if isinstance(error, ProviderError):
            self._slow_from = self._means.now() + pause  # the walk goes on where it was
        else:
            self._cut_off_slow_work(pause)


async def _wait(signals: Signals, pause: timedelta) -> None:
    if pause <= timedelta(0):
        return
    waits = [asyncio.create_task(event.wait()) for event in (signals.stop, signals.poll_now)]
    try:
        await asyncio.wait(
            waits, timeout=pause.total_seconds(), return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        for wait in waits:
            wait.cancel()
