"""The watch: everything that is opened to poll one resource, made anew after every trouble."""

from __future__ import annotations

from dataclasses import dataclass, replace

from daemon.connectors.connector import Account, Connector
from daemon.errors import Fenced
from daemon.instance import PollTarget
from daemon.polling.baseline import BEGINNING, Beginning
from daemon.polling.journal import Journal
from daemon.polling.means import PollingMeans
from daemon.polling.noticing import Manner
from daemon.polling.poller import Poller
from daemon.polling.reader import Reader
from daemon.polling.resource import FirstRunMode, ResourcePolling
from daemon.polling.slow_pass import Wishes, reconciled
from daemon.polling.slow_work import SlowWork
from daemon.polling.source import Tally
from daemon.polling.target import context_maker, margins_of, typed_polling
from daemon.store.resources import load_progress

LIVE_RESERVE = 6
"""Calls of the rate budget that slow work leaves to the next live polls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One resource being watched, as far as a restart may forget it."""

    polling: ResourcePolling
    connector: Connector
    account: Account
    journal: Journal
    poller: Poller
    slow_work: SlowWork

    async def poll(self) -> Tally:
        """One live poll; the first is the baseline."""
        return await self.poller.poll_once(_beginning(self.polling))

    def slow_work_may_begin(self) -> bool:
        """Whether slow work is due, and the rate budget has more than live polls will need."""
        if not self.slow_work.is_due():
            return False
        return self.connector.calls_left(self.account.configuration) > LIVE_RESERVE


async def open_watch(means: PollingMeans, target: PollTarget) -> Watch:
    """Raises Fenced if the configuration has moved, InvalidInput, DatabaseUnavailable."""
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
    wishes = _wishes(polling)
    progress = replace(progress, work=reconciled(progress.work, wishes, means.now()))
    context = context_maker(target, connector.element, polling, means.delivery)
    journal = Journal(means, target, progress, context)
    manner = Manner(
        margins=margins_of(polling),
        tolerance=polling.created_check_tolerance,
        projection=reader.projection,
        only_created=not polling.filter_by_updated_date,
        id_field=polling.id_field,
    )
    return Watch(
        polling=polling,
        connector=connector,
        account=account,
        journal=journal,
        poller=Poller(reader, journal, manner, means.now),
        slow_work=SlowWork(reader, journal, manner, wishes, means.now),
    )


def _wishes(polling: ResourcePolling) -> Wishes:
    reconcile, sweep = polling.reconcile, polling.deletes
    return Wishes(
        reconcile_interval=reconcile.interval if reconcile else None,
        reconcile_window=reconcile.window if reconcile else None,
        sweep_interval=sweep.interval if sweep else None,
        sweep_max_fraction=sweep.max_fraction if sweep else 0.0,
    )


def _beginning(polling: ResourcePolling) -> Beginning:
    first = polling.first_run
    if first.mode is FirstRunMode.BACKFILL:
        return Beginning(since=BEGINNING)
    return Beginning(since=first.since)
