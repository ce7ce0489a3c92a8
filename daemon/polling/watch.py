"""The watch: everything that is opened to poll one resource, made anew after every trouble."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from daemon.connectors.connector import Account, Connector
from daemon.errors import Fenced
from daemon.instance import PollTarget
from daemon.polling.access import Access, open_access, probes_are_due
from daemon.polling.baseline import BEGINNING, Beginning
from daemon.polling.journal import Journal
from daemon.polling.means import PollingMeans
from daemon.polling.noticing import Manner
from daemon.polling.poller import Poller
from daemon.polling.probe import Observation
from daemon.polling.resource import FirstRunMode, ResourcePolling
from daemon.polling.slow_pass import Wishes, reconciled
from daemon.polling.slow_work import SlowWork
from daemon.polling.source import Clock, Tally
from daemon.polling.target import context_maker, margins_of, typed_polling
from daemon.polling.verdict import UNKNOWN_FOR
from daemon.store.resources import load_progress

CONTENT_INTERVAL = timedelta(hours=1)
"""Between two comparisons of the whole content, where `reconcile` does not say otherwise."""

RECHECK_INTERVAL = timedelta(hours=1)
"""So long may a stamp ahead of its time hide others, where their zone is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One resource being watched, as far as a restart may forget it."""

    polling: ResourcePolling
    connector: Connector
    account: Account
    access: Access
    journal: Journal
    poller: Poller
    slow_work: SlowWork
    clock: Clock

    async def poll(self) -> Tally:
        """One live poll; the first is the baseline."""
        previous = self.poller.walked_at
        tally = await self.poller.poll_once(_beginning(self.polling))
        seen = Observation(
            first_seen=tally.first_seen,
            previous=previous,
            walked_at=self.poller.walked_at,
            clock_skew=self.access.reader.clock_skew,
        )
        progress = self.journal.progress
        probes = self.access.prober.observe(progress.probes, seen, progress.marks)
        self.journal.note_probes(probes)
        return tally

    @property
    def is_outdated(self) -> bool:
        """Whether it has to be opened anew, because probes are due that decide how it reads.

        So they are as soon as an empty resource has its first record; those that fail to tell
        anything of records that are there are tried again now and then.
        """
        had_cursor = self.access.progress.marks.cursor_at is not None
        probes = self.journal.progress.probes
        if had_cursor and probes.are_open(self.clock()):
            return probes.are_open(self.clock(), at_least=UNKNOWN_FOR)
        return probes_are_due(self.polling, self.journal.progress, self.clock)

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
    access = await open_access(means, connector, account, polling, progress)
    wishes, reader = wishes_of(polling), access.reader
    work = reconciled(progress.work, wishes, means.now())
    context = context_maker(target, connector.element, polling, means.delivery)
    journal = Journal(means, target, replace(access.progress, work=work), context)
    manner = _manner(polling, access)
    return Watch(
        polling=polling,
        connector=connector,
        account=account,
        access=access,
        journal=journal,
        poller=Poller(reader, journal, manner, means.now),
        slow_work=SlowWork(reader, journal, manner, wishes, means.now),
        clock=means.now,
    )


def _manner(polling: ResourcePolling, access: Access) -> Manner:
    reader = access.reader
    return Manner(
        margins=access.margins,
        tolerance=polling.created_check_tolerance,
        projection=reader.projection,
        only_created=not polling.filter_by_updated_date,
        in_their_time=polling.filter_by_current_date,
        id_field=polling.id_field,
        ordered=reader.searches_by_stamp and not polling.shows_undated,
    )


def wishes_of(polling: ResourcePolling) -> Wishes:
    """The slow passes that a resource's configuration asks for."""
    reconcile, sweep = polling.reconcile, polling.deletes
    interval = reconcile.interval if reconcile else None
    by_content = polling.compares_content
    has_known_zone = by_content or margins_of(polling).zone_configured
    content = None if sweep else CONTENT_INTERVAL
    return Wishes(
        reconcile_interval=None if by_content else interval,
        reconcile_window=reconcile.window if reconcile else None,
        sweep_interval=sweep.interval if sweep else None,
        sweep_max_fraction=sweep.max_fraction if sweep else 0.0,
        content_interval=interval or content if by_content else None,
        content_at_once=polling.first_run.mode is not FirstRunMode.BASELINE,
        recheck_interval=None if has_known_zone else RECHECK_INTERVAL,
    )


def _beginning(polling: ResourcePolling) -> Beginning:
    first = polling.first_run
    since = BEGINNING if first.mode is FirstRunMode.BACKFILL else first.since
    return Beginning(since=since, whole=polling.compares_content)
