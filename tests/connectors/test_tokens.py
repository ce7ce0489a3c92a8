from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daemon.connectors.connector import Account, Grant, Tokens
from daemon.connectors.tokens import TokenKeeper
from daemon.errors import (
    CredentialsRefused,
    DatabaseUnavailable,
    PollhookError,
    ProviderUnavailable,
    RateLimited,
    TokenRejected,
)
from daemon.instance import InstanceId
from daemon.metrics import Metrics
from daemon.store.credentials import Credentials
from daemon.store.database import Database
from daemon.store.encryption import Keyring
from tests.connectors.manual_clock import settle
from tests.store.credential_rows import insert_instance

START = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)


class Provider:
    """An authorization server without HTTP: rotating refresh tokens, each good once."""

    def __init__(self) -> None:
        self.valid = "R1"
        self.refreshes: list[str] = []
        self.failures: list[PollhookError] = []
        self.lifetime: timedelta | None = None
        self.now = START
        self.gate: asyncio.Event | None = None
        self.started = asyncio.Event()

    def fixed_token(self, configuration: Mapping[str, Any]) -> str | None:
        return configuration.get("token")

    async def refresh(self, configuration: Mapping[str, Any], refresh_token: str) -> Grant:
        self.refreshes.append(refresh_token)
        self.started.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        if refresh_token != self.valid:
            raise CredentialsRefused("refused", status=400, provider_message="invalid_grant")
        number = int(refresh_token[1:]) + 1
        self.valid = f"R{number}"
        refresh_at = None if self.lifetime is None else self.now + self.lifetime
        return Grant(access_token=f"A{number}", refresh_token=self.valid, refresh_at=refresh_at)


@dataclass(kw_only=True)
class Scene:
    """One instance, its provider, and as many processes that serve it as a test needs."""

    database: Database
    instance_id: InstanceId
    credentials: Credentials
    provider: Provider
    metrics: Metrics = field(default_factory=lambda: Metrics(version="0"))
    configuration: dict[str, Any] = field(default_factory=dict)

    def process(self) -> TokenKeeper:
        return TokenKeeper(self.credentials, self.provider, lambda: self.provider.now, self.metrics)

    def account(self) -> Account:
        return Account(instance_id=self.instance_id, configuration=self.configuration)

    async def state(self) -> str:
        state: str = await self.database.fetchval(
            "select state from instances where id = $1", self.instance_id
        )
        return state

    def refreshes(self, outcome: str) -> float | None:
        return self.metrics.registry.get_sample_value(
            "pollhook_oauth_refreshes_total", {"outcome": outcome}
        )


@pytest.fixture
async def scene(database: Database) -> Scene:
    keyring = Keyring([os.urandom(32)])
    grant = Grant(access_token="A1", refresh_token="R1")
    return Scene(
        database=database,
        instance_id=await insert_instance(database, keyring, grant),
        credentials=Credentials(database, keyring),
        provider=Provider(),
    )


async def test_the_stored_token_is_used_without_asking_the_provider(scene: Scene) -> None:
    async with scene.process() as keeper:
        assert await keeper.tokens(scene.account()).current() == ("A1", 1)
    assert scene.provider.refreshes == []


async def test_the_database_is_asked_once_per_account_object(scene: Scene) -> None:
    async with scene.process() as keeper:
        account = scene.account()
        await keeper.tokens(account).current()
        await scene.credentials.store(scene.instance_id, 1, Grant(access_token="A9"))
        assert await keeper.tokens(account).current() == ("A1", 1)
        assert await keeper.tokens(scene.account()).current() == ("A9", 2)


async def test_tokens_are_forgotten_with_their_account(scene: Scene) -> None:
    async with scene.process() as keeper:
        account = scene.account()
        await keeper.tokens(account).current()
        del account
        gc.collect()
        assert len(keeper._tokens) == 0


async def test_a_rejected_token_is_renewed_and_the_new_pair_is_stored_before_it_is_used(
    scene: Scene,
) -> None:
    async with scene.process() as keeper:
        tokens = keeper.tokens(scene.account())
        assert await tokens.renew(1) == ("A2", 2)
        stored = await scene.credentials.load(scene.instance_id)
        assert stored.grant == Grant(access_token="A2", refresh_token="R2")
        assert stored.locked == timedelta(0)
        assert await tokens.current() == ("A2", 2)
    assert scene.refreshes("renewed") == 1


async def test_many_callers_with_one_rejected_token_make_one_renewal(scene: Scene) -> None:
    async with scene.process() as keeper, asyncio.timeout(10):
        callers = [keeper.tokens(scene.account()).renew(1) for _ in range(20)]
        assert set(await asyncio.gather(*callers)) == {("A2", 2)}
    assert scene.provider.refreshes == ["R1"]


async def test_several_processes_with_one_rejected_token_make_one_renewal(scene: Scene) -> None:
    keepers = [scene.process() for _ in range(3)]
    async with asyncio.timeout(10):
        callers = [keeper.tokens(scene.account()).renew(1) for keeper in keepers for _ in range(3)]
        assert set(await asyncio.gather(*callers)) == {("A2", 2)}
    assert scene.provider.refreshes == ["R1"]


async def test_a_late_rejection_of_an_older_token_renews_nothing(scene: Scene) -> None:
    async with scene.process() as keeper:
        await keeper.tokens(scene.account()).renew(1)
        assert await keeper.tokens(scene.account()).renew(1) == ("A2", 2)
    assert scene.provider.refreshes == ["R1"]


async def test_a_rejection_during_the_renewal_of_an_older_token_is_followed_by_another(
    scene: Scene,
) -> None:
    scene.provider.gate = asyncio.Event()
    async with scene.process() as keeper, asyncio.timeout(10):
        first = asyncio.create_task(keeper.tokens(scene.account()).renew(1))
        await scene.provider.started.wait()
        second = asyncio.create_task(keeper.tokens(scene.account()).renew(2))
        scene.provider.gate.set()
        assert await first == ("A2", 2)
        assert await second == ("A3", 3)


async def test_a_renewal_goes_on_and_is_stored_although_its_caller_is_cancelled(
    scene: Scene,
) -> None:
    scene.provider.gate = asyncio.Event()
    async with scene.process() as keeper, asyncio.timeout(10):
        caller = asyncio.create_task(keeper.tokens(scene.account()).renew(1))
        await scene.provider.started.wait()
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        scene.provider.gate.set()
    assert (await scene.credentials.load(scene.instance_id)).generation == 2


async def test_a_token_is_renewed_unasked_when_its_time_comes(scene: Scene) -> None:
    scene.provider.lifetime = timedelta(minutes=8)
    async with scene.process() as keeper:
        tokens = keeper.tokens(scene.account())
        await tokens.renew(1)
        scene.provider.now += timedelta(minutes=7)
        assert await tokens.current() == ("A2", 2)
        scene.provider.now += timedelta(minutes=1)
        assert await tokens.current() == ("A3", 3)


@pytest.mark.parametrize("error", [ProviderUnavailable("down"), RateLimited("slow down")])
async def test_a_token_that_cannot_be_renewed_unasked_is_used_a_while_longer(
    scene: Scene, error: PollhookError
) -> None:
    scene.provider.lifetime = timedelta(minutes=8)
    async with scene.process() as keeper:
        tokens = keeper.tokens(scene.account())
        await tokens.renew(1)
        scene.provider.now += timedelta(minutes=8)
        scene.provider.failures = [error]
        for _ in range(3):
            assert await tokens.current() == ("A2", 2)
        assert scene.provider.refreshes == ["R1", "R2"]
        scene.provider.now += timedelta(seconds=30)
        assert await tokens.current() == ("A3", 3)


async def test_a_failed_renewal_leaves_the_pair_and_gives_the_turn_back(scene: Scene) -> None:
    scene.provider.failures = [ProviderUnavailable("down")]
    async with scene.process() as keeper:
        tokens = keeper.tokens(scene.account())
        with pytest.raises(ProviderUnavailable):
            await tokens.renew(1)
        assert await scene.state() == "active"
        assert await tokens.renew(1) == ("A2", 2)
    assert (scene.refreshes("failed"), scene.refreshes("renewed")) == (1, 1)


async def test_refused_credentials_put_the_instance_into_needs_reauth_with_the_reason(
    scene: Scene,
) -> None:
    scene.provider.valid = "R7"
    async with scene.process() as keeper:
        with pytest.raises(CredentialsRefused, match="authorized again") as raised:
            await keeper.tokens(scene.account()).renew(1)
    assert raised.value.provider_message == "invalid_grant"
    reason = await scene.database.fetchval(
        "select state_reason from instances where id = $1", scene.instance_id
    )
    assert await scene.state() == "needs_reauth"
    assert "invalid_grant" in reason
    assert scene.refreshes("refused") == 1


async def test_a_refusal_after_another_process_has_renewed_takes_its_pair(scene: Scene) -> None:
    scene.provider.gate = asyncio.Event()
    async with scene.process() as keeper, asyncio.timeout(10):
        caller = asyncio.create_task(keeper.tokens(scene.account()).renew(1))
        await scene.provider.started.wait()
        # The other process had taken its turn, and stores the pair that R1 was spent for.
        scene.provider.valid = "R2"
        await scene.credentials.store(
            scene.instance_id, 1, Grant(access_token="A2", refresh_token="R2")
        )
        scene.provider.gate.set()
        assert await caller == ("A2", 2)
    assert await scene.state() == "active"


async def test_new_consent_during_a_renewal_wins(scene: Scene) -> None:
    scene.provider.gate = asyncio.Event()
    async with scene.process() as keeper, asyncio.timeout(10):
        caller = asyncio.create_task(keeper.tokens(scene.account()).renew(1))
        await scene.provider.started.wait()
        consent = Grant(access_token="new", refresh_token="new-refresh")
        await scene.credentials.store(scene.instance_id, 1, consent)
        scene.provider.gate.set()
        assert await caller == ("new", 2)
    assert (await scene.credentials.load(scene.instance_id)).grant == consent


async def test_a_process_killed_in_its_renewal_is_followed_when_its_turn_is_over(
    scene: Scene,
) -> None:
    await scene.credentials.lock(scene.instance_id, 1, timedelta(seconds=0.3))
    async with scene.process() as keeper, asyncio.timeout(10):
        assert await keeper.tokens(scene.account()).renew(1) == ("A2", 2)
    assert scene.provider.refreshes == ["R1"]


async def test_waiting_for_another_process_ends_with_ours(scene: Scene) -> None:
    await scene.credentials.lock(scene.instance_id, 1, timedelta(seconds=60))
    async with asyncio.timeout(10):
        async with scene.process() as keeper:
            caller = asyncio.create_task(keeper.tokens(scene.account()).renew(1))
            await settle()
        with pytest.raises(ProviderUnavailable, match="stopping"):
            await caller


async def test_a_rejected_token_without_a_refresh_token_needs_a_person(scene: Scene) -> None:
    await scene.credentials.store(scene.instance_id, 1, Grant(access_token="A2"))
    async with scene.process() as keeper:
        with pytest.raises(CredentialsRefused, match="no refresh token"):
            await keeper.tokens(scene.account()).renew(2)
    assert await scene.state() == "needs_reauth"


async def test_an_instance_without_tokens_needs_a_person(scene: Scene) -> None:
    await scene.database.execute("update instances set credentials = null")
    async with scene.process() as keeper:
        with pytest.raises(CredentialsRefused, match="holds no tokens"):
            await keeper.tokens(scene.account()).current()
    assert await scene.state() == "needs_reauth"


async def test_a_new_token_that_is_rejected_at_once_is_not_replaced_again_and_again(
    scene: Scene,
) -> None:
    async with scene.process() as keeper:
        for _ in range(3):
            tokens = keeper.tokens(scene.account())
            await tokens.renew(1)
            with pytest.raises(TokenRejected):
                await tokens.renew(2)
        assert scene.provider.refreshes == ["R1"]


async def test_one_that_ended_before_its_first_call_is_replaced_soon_and_the_next_ones_later(
    scene: Scene,
) -> None:
    async with scene.process() as keeper:
        tokens = keeper.tokens(scene.account())
        await tokens.renew(1)
        waits = []
        for generation in range(2, 12):
            with pytest.raises(TokenRejected):
                await tokens.renew(generation)
            waits.append(await _seconds_until_renewed(scene, tokens, generation))
        assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300, 300]
        tokens.accept(12)
        await tokens.renew(12)
        assert await _seconds_until_renewed(scene, tokens, 13) == 5


async def _seconds_until_renewed(scene: Scene, tokens: Tokens, generation: int) -> int:
    for seconds in range(0, 600, 5):
        with suppress(TokenRejected):
            await tokens.renew(generation)
            return seconds
        scene.provider.now += timedelta(seconds=5)
    raise AssertionError("it never was")


async def test_a_token_that_was_accepted_is_renewed_however_soon_it_ends(scene: Scene) -> None:
    async with scene.process() as keeper:
        tokens = keeper.tokens(scene.account())
        for generation in (1, 2, 3):
            await tokens.renew(generation)
            tokens.accept(generation + 1)
    assert scene.provider.refreshes == ["R1", "R2", "R3"]


async def test_new_consent_is_taken_although_the_token_before_it_was_never_accepted(
    scene: Scene,
) -> None:
    async with scene.process() as keeper:
        tokens = keeper.tokens(scene.account())
        await tokens.renew(1)
        await scene.credentials.store(scene.instance_id, 2, Grant(access_token="new"))
        assert await tokens.renew(2) == ("new", 3)


async def test_a_configured_token_is_used_as_it_is_and_its_rejection_needs_a_person(
    scene: Scene,
) -> None:
    scene.configuration["token"] = "personal"
    async with scene.process() as keeper:
        tokens = keeper.tokens(scene.account())
        assert await tokens.current() == ("personal", 0)
        tokens.accept(0)
        with pytest.raises(CredentialsRefused, match="of the configuration"):
            await tokens.renew(0)
    assert await scene.state() == "needs_reauth"
    assert scene.provider.refreshes == []


async def test_a_pair_that_could_not_be_stored_is_kept_and_stored_when_the_database_is_back(
    scene: Scene,
) -> None:
    away = _Outage(scene.database)
    scene.credentials = Credentials(away, scene.credentials._keyring)  # type: ignore[arg-type]
    async with scene.process() as keeper:
        away.on_store = True
        with pytest.raises(DatabaseUnavailable):
            await keeper.tokens(scene.account()).renew(1)
        away.on_store = False
        assert await keeper.tokens(scene.account()).current() == ("A2", 2)
    assert scene.provider.refreshes == ["R1"]


async def test_a_pair_that_could_not_be_stored_is_stored_at_the_latest_on_the_way_out(
    scene: Scene,
) -> None:
    away = _Outage(scene.database)
    scene.credentials = Credentials(away, scene.credentials._keyring)  # type: ignore[arg-type]
    async with scene.process() as keeper:
        away.on_store = True
        with pytest.raises(DatabaseUnavailable):
            await keeper.tokens(scene.account()).renew(1)
        away.on_store = False
    stored = await scene.credentials.load(scene.instance_id)
    assert (stored.generation, stored.grant) == (2, Grant(access_token="A2", refresh_token="R2"))


async def test_a_pair_that_cannot_even_be_stored_on_the_way_out_does_not_hold_up_the_stop(
    scene: Scene,
) -> None:
    away = _Outage(scene.database)
    scene.credentials = Credentials(away, scene.credentials._keyring)  # type: ignore[arg-type]
    async with scene.process() as keeper:
        away.on_store = True
        with pytest.raises(DatabaseUnavailable):
            await keeper.tokens(scene.account()).renew(1)
    assert (await scene.credentials.load(scene.instance_id)).generation == 1


class _Outage:
    """The database, whose storing of tokens can be made to fail as a server that goes away does."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.on_store = False

    async def fetchval(self, query: str, *arguments: object) -> Any:
        if self.on_store and "credentials = $3" in query:
            raise DatabaseUnavailable("The database does not answer")
        return await self._database.fetchval(query, *arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)
