"""The plan: how much of everything is measured, and how often."""

from __future__ import annotations

from dataclasses import dataclass

RECORDS_PER_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often and how long.

    `lanes` instances with a callback each are polled at once, each `pages` of 100 changed records
    per turn, for `rounds` turns. A turn of unchanged pages lasts `idle_seconds`. `purged` old rows
    are removed in `purges` goes. `commits` pages of each kind go to a table of `rows` snapshots. A
    backfill reads `records`, after live polls alone were watched for `alone_seconds`. The web page
    is looked at before `instances` instances with `page_events` events. `deliveries` go to living
    callbacks in a turn, beside a dead one with a `backlog`. `poisoned` pages tell what one poison
    object holds back. `pending` notifications wait while the memory of a daemon is watched.
    """

    lanes: int = 16
    pages: int = 5
    rounds: int = 5
    idle_seconds: float = 1.5
    purged: int = 100_000
    purges: int = 2
    rows: int = 1_000_000
    commits: int = 60
    instances: int = 10_000
    page_events: int = 1_000_000
    records: int = 1_000_000
    alone_seconds: float = 20
    deliveries: int = 10_000
    backlog: int = 100_000
    poisoned: int = 100
    pending: int = 1_000_000

    @property
    def events(self) -> int:
        """Events of one turn."""
        return self.lanes * self.pages * RECORDS_PER_PAGE


QUICK = Plan(
    lanes=4,
    pages=4,
    rounds=1,
    idle_seconds=0.5,
    purged=10_000,
    purges=1,
    rows=20_000,
    commits=10,
    instances=300,
    page_events=10_000,
    records=20_000,
    alone_seconds=2,
    deliveries=400,
    backlog=2_000,
    poisoned=15,
    pending=10_000,
)
"""Shows that everything works; its numbers mean little."""
