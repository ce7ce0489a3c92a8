"""The watch: everything that is opened to poll one resource, made anew after every trouble."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from daemon.connectors.connector import Account, Connector
from daemon.connectors.schema_check import check_fields
from daemon.errors import Fenced, InvalidInput
from daemon.instance import PollTarget
from daemon.polling.baseline import BEGINNING, Beginning
from daemon.polling.journal import Journal
from daemon.polling.means import PollingMeans
from daemon.polling.newest_first import NewestFirstReader
from daemon.polling.noticing import Manner
from daemon.polling.poller import Poller
from daemon.polling.probe import Observation, Prober
from daemon.polling.reader import Reader
from daemon.polling.resource import FirstRunMode, ResourcePolling
from daemon.polling.slow_pass import Wishes, reconciled
from daemon.polling.slow_work import SlowWork
from daemon.polling.source import Clock, Tally
from daemon.polling.target import context_maker, margins_of, typed_polling
from daemon.store.resources import Progress, load_progress

CONTENT_INTERVAL = timedelta(hours=1)
"""Between two comparisons of the whole content, where `reconcile` does not say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One resource being watched, as far as a restart may forget it."""

    polling: ResourcePolling
    connector: Connector
    account: Account
    reader: Reader
    journal: Journal
    poller: Poller
    slow_work: SlowWork
    prober: Prober
    clock: Clock
    had_cursor: bool

    async def poll(self) -> Tally:
        """One live poll; the first is the baseline."""
        previous = self.poller.walked_at
        tally = await self.poller.poll_once(_beginning(self.polling))
        seen = Observation(
            first_seen=tally.first_seen,
            previous=previous,
            walked_at=self.poller.walked_at,
            clock_skew=self.reader.clock_skew,
        )
        progress = self.journal.progress
        self.journal.note_probes(self.prober.observe(progress.probes, seen, progress.marks))
        return tally

    @property
    def is_outdated(self) -> bool:
        """Whether it has to be opened anew, because probes are due that decide how it reads."""
        progress = self.journal.progress
        has_cursor = progress.marks.cursor_at is not None
        first_cursor = has_cursor and not self.had_cursor
        return first_cursor or _probes_are_due(self.polling, progress, self.clock)

    def has_budget_for_slow_work(self) -> bool:
        """Whether the rate budget has more left than what it keeps for live polls."""
        return self.connector.calls_left(self.account.configuration, background=True) > 0


async def open_watch(means: PollingMeans, target: PollTarget) -> Watch:
    """Raises Fenced if the configuration has moved, InvalidInput, also for fields that the tenant
    does not have, DatabaseUnavailable, and ProviderError where probes are due."""
    connector = means.connectors[target.instance.element_key]
    polling = typed_polling(target, connector.element, means.settings)
    progress = await load_progress(means.database, target.resource_id)
    if progress.version != target.version:
        raise Fenced(f"The configuration of {target.key} has changed.")
    account = await means.accounts(target.instance.id)
    reader = await _open_reader(means, connector, account, polling)
    prober = Prober(reader, margins_of(polling), means.now)
    progress = await _probed(prober, polling, progress, means.now)
    wishes = wishes_of(polling)
    progress = replace(progress, work=reconciled(progress.work, wishes, means.now()))
    context = context_maker(target, connector.element, polling, means.delivery)
    journal = Journal(means, target, progress, context)
    manner = _manner(polling, reader, progress)
    return Watch(
        polling=polling,
        connector=connector,
        account=account,
        reader=reader,
        journal=journal,
        poller=Poller(reader, journal, manner, means.now),
        slow_work=SlowWork(reader, journal, manner, wishes, means.now),
        prober=prober,
        clock=means.now,
        had_cursor=progress.marks.cursor_at is not None,
    )


async def _open_reader(
    means: PollingMeans, connector: Connector, account: Account, polling: ResourcePolling
) -> Reader:
    """The reader that fits what this tenant can do. Raises InvalidInput for what it has not."""
    check = await check_fields(connector, account, polling)
    if check.faults:
        raise InvalidInput(check.faults)
    kind = Reader if check.filters_by_stamp else NewestFirstReader
    return kind(
        connector,
        account,
        polling,
        timeout_seconds=means.settings.timeout_seconds,
        clock=means.now,
    )


async def _probed(
    prober: Prober, polling: ResourcePolling, progress: Progress, clock: Clock
) -> Progress:
    """The progress with probes as they have to be before anything is read by a date."""
    if not _probes_are_due(polling, progress, clock):
        return progress
    probes = await prober.probe(progress.probes, progress.version, progress.marks)
    return replace(progress, probes=probes)


def _probes_are_due(polling: ResourcePolling, progress: Progress, clock: Clock) -> bool:
    return polling.cursor is not None and progress.probes.are_due(
        progress.version,
        clock(),
        polling.local_zones,
        has_cursor=progress.marks.cursor_at is not None,
    )


def _manner(polling: ResourcePolling, reader: Reader, progress: Progress) -> Manner:
    return Manner(
        margins=replace(margins_of(polling), widened=progress.probes.widening),
        tolerance=polling.created_check_tolerance,
        projection=reader.projection,
        only_created=not polling.filter_by_updated_date,
        id_field=polling.id_field,
        ordered=reader.searches_by_stamp,
    )


def wishes_of(polling: ResourcePolling) -> Wishes:
    """The slow passes that a resource's configuration asks for."""
    reconcile, sweep = polling.reconcile, polling.deletes
    interval = reconcile.interval if reconcile else None
    by_content = polling.compares_content
    content = None if sweep else CONTENT_INTERVAL
    return Wishes(
        reconcile_interval=None if by_content else interval,
        reconcile_window=reconcile.window if reconcile else None,
        sweep_interval=sweep.interval if sweep else None,
        sweep_max_fraction=sweep.max_fraction if sweep else 0.0,
        content_interval=interval or content if by_content else None,
        content_at_once=polling.first_run.mode is not FirstRunMode.BASELINE,
    )


def _beginning(polling: ResourcePolling) -> Beginning:
    first = polling.first_run
    since = BEGINNING if first.mode is FirstRunMode.BACKFILL else first.since
    return Beginning(since=since, whole=polling.compares_content)
