"""One resource of a modelled provider, polled into a real database."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from daemon.delivery.ready import ReadyNotification
from daemon.instance import PollTarget
from daemon.leases import Leases
from daemon.notifications.context import Context
from daemon.polling.journal import Journal
from daemon.polling.means import PollingMeans
from daemon.polling.noticing import Manner
from daemon.polling.poller import Poller
from daemon.polling.slow_pass import Wishes, reconciled
from daemon.polling.slow_work import SlowWork
from daemon.polling.window import Margins
from daemon.store.database import Database
from daemon.store.resources import list_targets, load_progress
from tests.notifications.samples import make_context
from tests.polling.model import SECOND, World

MARGINS = Margins(
    overlap=timedelta(minutes=2),
    poll_delay=timedelta(0),
    settle_lag=timedelta(0),
    granularity=SECOND,
    zone_configured=False,
)
MANNER = Manner(margins=MARGINS, tolerance=timedelta(0), projection=1, id_field="Key")


@dataclass(slots=True)
class Bench:
    """One resource of a modelled provider, polled into a real database."""

    database: Database
    leases: Leases
    target: PollTarget
    world: World
    means: PollingMeans
    woken: list[ReadyNotification] = field(default_factory=list)

    async def journal(self) -> Journal:
        progress = await load_progress(self.database, self.target.resource_id)
        return Journal(self.means, self.target, progress, self.context)

    def context(self, poll_at: datetime, created_at: datetime) -> Context:
        target = self.target
        return make_context(
            instance_id=target.instance.id,
            resource_id=target.resource_id,
            object_type="contacts",
            id_field="Key",
            poll_at=poll_at,
            created_at=created_at,
        )

    async def reload(self) -> None:
        """The target as a supervisor would find it now, under the lease as it is now."""
        await self.leases.run_once()
        [self.target] = await list_targets(self.database, [self.target.instance.id])

    async def slow_work(self, wishes: Wishes) -> SlowWork:
        """A new process begins its slow work with what was committed."""
        journal, clock = await self.journal(), self.world.our_clock
        work = reconciled(journal.work, wishes, clock())
        journal.progress = replace(journal.progress, work=work)
        return SlowWork(self.world, journal, MANNER, wishes, clock)

    async def poller(self) -> Poller:
        return Poller(self.world, await self.journal(), MANNER, self.world.our_clock)

    async def count(self, table: str) -> int:
        return int(await self.database.fetchval(f"select count(*) from {table}"))

    async def totals(self) -> dict[str, int]:
        return {name: await self.count(name) for name in ("snapshots", "events", "notifications")}
