"""Access to a resource's records: its fields checked, its probes made, the reader that fits."""

from __future__ import annotations

from dataclasses import dataclass, replace

from daemon.connectors.connector import Account, Connector
from daemon.connectors.schema_check import check_fields
from daemon.errors import InvalidInput
from daemon.polling.means import PollingMeans
from daemon.polling.newest_first import NewestFirstReader
from daemon.polling.probe import Prober
from daemon.polling.reader import Reader
from daemon.polling.resource import ResourcePolling
from daemon.polling.source import Clock
from daemon.polling.target import margins_of
from daemon.polling.window import Margins
from daemon.store.resources import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How the records are read: by which reader, with which margins; `progress` has the probes."""

    reader: Reader
    prober: Prober
    margins: Margins
    progress: Progress


async def open_access(
    means: PollingMeans,
    connector: Connector,
    account: Account,
    polling: ResourcePolling,
    progress: Progress,
) -> Access:
    """Raises InvalidInput for fields that the tenant does not have, or cannot sort by; and where
    probes are due, ProviderError."""
    check = await check_fields(connector, account, polling)
    if check.faults:
        raise InvalidInput(check.faults)

    def reader_of(kind: type[Reader]) -> Reader:
        return kind(
            connector,
            account,
            polling,
            timeout_seconds=means.settings.timeout_seconds,
            clock=means.now,
        )

    margins = margins_of(polling)
    reader = reader_of(Reader if check.filters_by_stamp else NewestFirstReader)
    prober = Prober(reader, margins, means.now)
    if probes_are_due(polling, progress, means.now):
        probes = await prober.probe(progress.probes, progress.version, progress.marks)
        progress = replace(progress, probes=probes)
    if not progress.probes.literals_find:
        reader = reader_of(NewestFirstReader)
    widened = replace(margins, widened=progress.probes.widening)
    return Access(reader=reader, prober=prober, margins=widened, progress=progress)


def probes_are_due(polling: ResourcePolling, progress: Progress, clock: Clock) -> bool:
    """Whether it has to be seen, before anything is read by a date, what dates mean."""
    if polling.cursor is None:
        return False
    probes, now = progress.probes, clock()
    has_records = progress.marks.cursor_at is not None
    is_first = has_records and probes.are_open(now)
    return is_first or probes.are_due(progress.version, now, polling.local_zones)
