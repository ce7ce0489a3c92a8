"""The doctor: one instance's set-up examined against its live provider, told in plain sentences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from daemon import __version__, doctor_findings
from daemon.address_guard import AddressGuard
from daemon.connectors.connector import Connector, Order, Query
from daemon.connectors.registry import open_connectors
from daemon.doctor_findings import Finding, Mark
from daemon.doctor_resources import Patient, ResourceCheckup, calls_per_hour
from daemon.errors import CredentialsRefused, ProviderError, RequestRefused
from daemon.instance import InstanceState, ResourceState
from daemon.logs import excerpt
from daemon.metrics import Metrics
from daemon.outbound import Outbound
from daemon.settings import Settings
from daemon.store.accounts import Accounts
from daemon.store.credentials import Credentials
from daemon.store.database import Database
from daemon.store.encryption import Keyring, open_keyring
from daemon.store.instance_resources import ConfiguredResource, list_resources
from daemon.store.instances import Instances
from daemon.store.named_instances import NamedInstance, count_snapshots, get_named
from daemon.store.opening import open_current_database


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """Everything that is known of the instance before its provider is asked."""

    instance: NamedInstance
    patient: Patient
    resources: Sequence[ConfiguredResource]
    objects: dict[str, int]

    @property
    def connector(self) -> Connector:
        return self.patient.connector


async def examine(settings: Settings, named: str) -> AsyncGenerator[Finding, None]:
    """The findings about the instance with this id or name, as they are found; no secrets in them.

    Raises InvalidInput if there is no such instance, DatabaseUnavailable and others.
    """
    async with _open(settings, named) as case:
        yield _of_state(case.instance)
        async for finding in _of_address(case):
            yield finding
        try:
            token = await _of_token(case)
            yield token
            if token.mark is Mark.WRONG:
                return
            async for finding in _of_resources(case):
                yield finding
        except CredentialsRefused as error:
            yield Finding(mark=Mark.WRONG, sentence=f"The credentials are refused: {error}")


@asynccontextmanager
async def _open(settings: Settings, named: str) -> AsyncIterator[_Case]:
    keyring = open_keyring(settings.security.encryption_keys_file)
    async with open_current_database(settings) as database:
        await Accounts(database, keyring).check_keyring()
        instance = await get_named(database, named)
        async with _connector(settings, database, keyring, instance.element_key) as connector:
            yield _Case(
                instance=instance,
                patient=Patient(
                    connector=connector,
                    account=await Instances(database, keyring).get_account(instance.id),
                    settings=settings.polling,
                    now=_now,
                ),
                resources=await list_resources(database, instance.id),
                objects=dict(await count_snapshots(database, instance.id)),
            )


@asynccontextmanager
async def _connector(
    settings: Settings, database: Database, keyring: Keyring, element_key: str
) -> AsyncIterator[Connector]:
    guard = AddressGuard(settings.security.allowed_private_networks)
    async with (
        Outbound(guard) as outbound,
        open_connectors(
            settings.connectors,
            outbound,
            guard,
            Credentials(database, keyring),
            Metrics(version=__version__),
        ) as connectors,
    ):
        yield connectors[element_key]


def _of_state(instance: NamedInstance) -> Finding:
    marks = {InstanceState.ACTIVE: Mark.FINE, InstanceState.DISABLED: Mark.NOTE}
    reauthorized = instance.state is InstanceState.NEEDS_REAUTH
    state = "waiting for new credentials" if reauthorized else instance.state.replace("_", " ")
    reason = f": {instance.state_reason}" if instance.state_reason else "."
    sentence = f"Instance {instance.id}, {instance.name}, is {state}{reason}"
    return Finding(mark=marks.get(instance.state, Mark.WRONG), sentence=sentence)


async def _of_address(case: _Case) -> AsyncIterator[Finding]:
    configuration = case.patient.account.configuration
    used = case.connector.api_address(configuration)
    try:
        told = await case.connector.discover(configuration)
    except ProviderError as error:
        sentence = f"The API is called at {excerpt(used)}; whether it has moved is unknown: {error}"
        yield Finding(mark=Mark.NOTE, sentence=sentence)
        return
    if told is None:
        sentence = f"The API is called at {excerpt(used)}; no alias is named to discover it by."
        yield Finding(mark=Mark.FINE, sentence=sentence)
    elif used.casefold().startswith(told.casefold().rstrip("/")):
        sentence = f"The API is called at {excerpt(used)}, where the provider says it is."
        yield Finding(mark=Mark.FINE, sentence=sentence)
    else:
        yield Finding(
            mark=Mark.NOTE,
            sentence=f"The API is called at {excerpt(used)}; the provider itself names"
            f" {excerpt(told)}, which is to be used should calls fail.",
        )


async def _of_token(case: _Case) -> Finding:
    """Whether the provider answers a call made with the instance's token. One refresh is tried."""
    spec = case.connector.element.resources
    polled = [resource.name for resource in case.resources]
    resource = next(spec[name] for name in (*polled, *spec) if name in spec)
    query = Query(
        resource=resource.name,
        fields=(resource.id_field,),
        order=(Order(name=resource.id_field),),
        page_size=1,
    )
    try:
        await case.connector.read(case.patient.account, query)
    except CredentialsRefused as error:
        return Finding(mark=Mark.WRONG, sentence=f"The provider refuses the credentials: {error}")
    except RequestRefused as error:
        return Finding(mark=Mark.NOTE, sentence=f"The token is accepted, but not a read: {error}")
    except ProviderError as error:
        return Finding(mark=Mark.WRONG, sentence=f"The provider does not answer: {error}")
    return Finding(mark=Mark.FINE, sentence="The provider accepts the token.")


async def _of_resources(case: _Case) -> AsyncIterator[Finding]:
    polled = [each for each in case.resources if each.state is not ResourceState.STOPPED]
    if not polled:
        yield Finding(mark=Mark.NOTE, sentence="No resource is polled: its events are off.")
        return
    wanted: defaultdict[str, float] = defaultdict(float)
    for resource in polled:
        polling = case.patient.polling_of(resource)
        if isinstance(polling, list):
            for finding in polling:
                yield finding
            continue
        checkup = ResourceCheckup(patient=case.patient, resource=resource, polling=polling)
        async for finding in checkup.examine():
            yield finding
        objects = case.objects.get(resource.name, 0)
        for purpose, calls in calls_per_hour(case.patient, polling, resource, objects).items():
            wanted[purpose] += calls
    yield doctor_findings.of_budget(wanted, case.connector.calls_per_hour)


def _now() -> datetime:
    return datetime.now(UTC)
