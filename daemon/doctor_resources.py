"""The doctor's look at one resource: its fields, its dates, its probes, its pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daemon import configuration_keys as keys
from daemon import doctor_findings as findings
from daemon.connectors.connector import Account, Connector, Order, Query
from daemon.connectors.schema_check import FieldCheck, check_fields
from daemon.doctor_findings import Finding, Mark
from daemon.errors import CredentialsRefused, ProviderError
from daemon.instance import ResourceState
from daemon.polling.configuration import parse_polling
from daemon.polling.newest_first import NewestFirstReader
from daemon.polling.probe import Prober
from daemon.polling.reader import Reader, at_path
from daemon.polling.resource import ResourcePolling
from daemon.polling.slow_pass import PassKind
from daemon.polling.target import margins_of, standards
from daemon.polling.watch import wishes_of
from daemon.polling.window import Marks, Proof
from daemon.settings import PollingSettings
from daemon.store.instance_resources import ConfiguredResource

_PASSES = {
    PassKind.SWEEP: "sweeps",
    PassKind.CONTENT: "comparisons of content",
    PassKind.RECONCILE: "reconciliation",
    PassKind.RECHECK: "checks of stamps whose zone is not proved",
}

SAMPLE = 20
"""Real records whose dates are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """The instance that is examined, and what it takes to call its provider."""

    connector: Connector
    account: Account
    settings: PollingSettings
    now: Callable[[], datetime]

    @property
    def interval(self) -> timedelta:
        """The time between two polls."""
        minutes = self.account.configuration.get(keys.REFRESH_INTERVAL)
        return timedelta(minutes=float(minutes or self.settings.default_interval_minutes))

    def polling_of(self, resource: ConfiguredResource) -> ResourcePolling | list[Finding]:
        """How a resource is polled, or what of its configuration is no longer understood."""
        element = self.connector.element
        polled = parse_polling(
            {resource.name: resource.configuration},
            hub=element.hub,
            resources=element.resources,
            standards=standards(self.settings, self.account.configuration.get(keys.TIMEZONE)),
        )
        if isinstance(polled, list):
            return [
                Finding(mark=Mark.WRONG, about=resource.name, sentence=str(fault))
                for fault in polled
            ]
        return polled[resource.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceCheckup:
    """One resource examined, step by step."""

    patient: Patient
    resource: ConfiguredResource
    polling: ResourcePolling
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.polling.name)

    async def examine(self) -> AsyncIterator[Finding]:
        """Every finding, as it is found. Raises CredentialsRefused."""
        for finding in self._polls():
            yield finding
        check = await check_fields(self.patient.connector, self.patient.account, self.polling)
        for fault in check.faults:
            yield self._finding(Mark.WRONG, f"{fault}.")
        if check.faults:
            return
        for step in (self._schema(check), self._dates(), self._probes(check), self._pages(check)):
            try:
                async for finding in step:
                    yield finding
            except CredentialsRefused:
                raise
            except ProviderError as error:
                yield self._finding(Mark.WRONG, f"This could not be examined: {error}")

    def _polls(self) -> Iterator[Finding]:
        resource = self.resource
        if resource.last_error is not None:
            failed = "The last poll failed: " if resource.failures else ""
            yield self._finding(Mark.WRONG, f"{failed}{resource.last_error}")
        if resource.state is ResourceState.PAUSED:
            yield self._finding(Mark.NOTE, "It is paused: a person has to resume it.")
        if resource.state is ResourceState.BASELINE_PENDING:
            yield self._finding(Mark.NOTE, "Its baseline is still to be read.")

    async def _schema(self, check: FieldCheck) -> AsyncIterator[Finding]:
        cursor = self.polling.cursor
        try:
            facts = await self.patient.connector.describe(self.patient.account, self.polling.path)
        except CredentialsRefused:
            raise
        except ProviderError as error:
            sentence = f"The schema cannot be read, so that fields were tried out instead: {error}"
            yield self._finding(Mark.NOTE, sentence)
            return
        if cursor is None or check.filters_by_stamp:
            able = f"{cursor.field} can be searched and sorted by" if cursor else "no date is used"
            sentence = f"The schema has all fields that are named, of {len(facts)}; {able}."
            yield self._finding(Mark.FINE, sentence)
            return
        yield self._finding(
            Mark.NOTE,
            f"{cursor.field} can be sorted by, but not searched by: records are read from the"
            " newest on down to the mark, twice at every poll.",
        )

    async def _dates(self) -> AsyncIterator[Finding]:
        cursor, spec = self.polling.cursor, self.patient.connector.element.resources
        id_field = spec[self.polling.path].id_field
        dates = [date for date in (self.polling.updated, self.polling.created) if date is not None]
        newest = [Order(name=cursor.field, descending=True)] if cursor is not None else []
        query = Query(
            resource=self.polling.path,
            where=self.polling.with_lower_bound(None),
            order=[*newest, Order(name=id_field)],
            page_size=SAMPLE,
            also=[date.field for date in dates],
        )
        records = (await self.patient.connector.read(self.patient.account, query)).records
        raws = [record.raw for record in records]
        for date in dates:
            values = [at_path(raw, date.field) for raw in raws]
            yield findings.of_dates(self.name, date, records, values, self.patient.now())
        for finding in findings.of_ignored(self.name, self.polling.ignore_fields, records):
            yield finding

    async def _probes(self, check: FieldCheck) -> AsyncIterator[Finding]:
        if self.polling.cursor is None:
            return
        stored = self.resource.probes
        prober = Prober(self._reader(check), margins_of(self.polling), self.patient.now)
        probes = await prober.probe(stored, stored.version, self._marks())
        for probe in probes.made.values():
            yield findings.of_probe(self.name, probe)

    async def _pages(self, check: FieldCheck) -> AsyncIterator[Finding]:
        query = Query(
            resource=self.polling.path,
            where=self.polling.with_lower_bound(None),
            page_size=self.polling.page_size,
        )
        facts = await self.patient.connector.examine_paging(self.patient.account, query)
        for finding in findings.of_paging(self.name, facts):
            yield finding
        if self.polling.cursor is not None and check.filters_by_stamp:
            rows = (await self._reader(check).page(None, None)).rows
            stamps = [row.stamp for row in rows if row.stamp is not None]
            yield findings.of_order(self.name, stamps)

    def _reader(self, check: FieldCheck) -> Reader:
        kind = Reader if check.filters_by_stamp else NewestFirstReader
        return kind(
            self.patient.connector,
            self.patient.account,
            self.polling,
            timeout_seconds=self.patient.settings.timeout_seconds,
            clock=self.patient.now,
        )

    def _marks(self) -> Marks:
        """What the daemon has proved of the stamps so far."""
        proved_at, skew = self.resource.utc_proved_at, self.resource.utc_skew_seconds
        if proved_at is None or skew is None:
            return Marks()
        return Marks(utc=Proof(proved_at=proved_at, skew=timedelta(seconds=skew)))

    def _finding(self, mark: Mark, sentence: str) -> Finding:
        return Finding(mark=mark, about=self.name, sentence=sentence)


def calls_per_hour(
    patient: Patient, polling: ResourcePolling, resource: ConfiguredResource, objects: int
) -> Mapping[str, float]:
    """What watching a resource costs, by purpose, if little changes. An estimate."""
    wishes, hour = wishes_of(polling), timedelta(hours=1)
    proved = resource.utc_proved_at is not None
    costs = {"polls": hour / patient.interval * (1 if proved else 2)}
    for kind, name in _PASSES.items():
        interval = wishes.interval(kind)
        whole = kind in (PassKind.SWEEP, PassKind.CONTENT)
        pages = objects / polling.page_size if whole else 1
        is_rare = kind is PassKind.RECHECK and proved
        costs[name] = 0 if interval is None or is_rare else hour / interval * (pages + 1)
    return costs
