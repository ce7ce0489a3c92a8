"""Instances declared in the file live as it says, while the daemon runs and over its restarts."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest_asyncio

from tests.flow.pollhook import OAUTH_CALLBACK, OFTEN, SIGNATURE_KEY, Pollhook
from tests.flow.processes import eventually, finished
from tests.flow.standins import Provider, Receiver


async def refresh_token(pollhook: Pollhook, provider: Provider) -> str:
    """A refresh token that somebody got elsewhere."""
    form = {
        "grant_type": "authorization_code",
        "code": await pollhook.consent(),
        "client_id": provider.told["clientId"],
        "client_secret": provider.told["clientSecret"],
        "redirect_uri": OAUTH_CALLBACK,
    }
    address = provider.told["tokenUrl"].format(datacenter="caw", alias="Acme")
    async with aiohttp.ClientSession() as session, session.post(address, data=form) as response:
        token: str = (await response.json(content_type=None))["refresh_token"]
        return token


def entry(pollhook: Pollhook, provider: Provider, callback: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "Declared",
        "element": "maximizer",
        "configuration": {
            "oauth.callback.url": OAUTH_CALLBACK,
            "oauth.api.key": provider.told["clientId"],
            "oauth.api.secret": provider.told["clientSecret"],
            "oauth.user.refresh_token": f"${{file:{pollhook.folder / 'token'}}}",
            "maximizer.alias": "Acme",
            "event.notification.enabled": True,
            "event.notification.callback.url": callback,
            "event.notification.signature.key": SIGNATURE_KEY,
            "event.poller.refresh_interval": OFTEN,
            "event.poller.configuration": {"contacts": {}},
        },
        **more,
    }


@pytest_asyncio.fixture
async def declared(pollhook: Pollhook, provider: Provider, receiver: Receiver) -> Mapping[str, Any]:
    """An entry whose refresh token was had elsewhere, for a daemon that runs without it."""
    await pollhook.start()
    token = await refresh_token(pollhook, provider)
    (pollhook.folder / "token").write_text(token, "utf-8")
    return entry(pollhook, provider, receiver.callback())


async def state(pollhook: Pollhook) -> Any:
    return await pollhook.call("GET", "/instances/1/state")


async def edited(pollhook: Pollhook, provider: Provider, receiver: Receiver, number: int) -> None:
    """Wait for the baseline, edit a record, and wait until so many edits have arrived."""

    async def is_read() -> bool:
        return (await state(pollhook))["resources"][0]["state"] == "active"

    async def has_arrived() -> bool:
        return len(await receiver.arrivals()) == number

    await eventually(is_read, "the baseline is read")
    await provider.edit(f"contacts/{number}", Department="Research")
    await eventually(has_arrived, "the edit arrives")


async def test_a_declared_instance_follows_its_file_and_its_token_outlives_a_restart(
    pollhook: Pollhook, provider: Provider, receiver: Receiver, declared: Mapping[str, Any]
) -> None:
    # The file alone is enough: nobody sends a signal.
    pollhook.add_settings({"instances": [declared]})
    await pollhook.program.line(event="instance.created", declared="Declared")
    await edited(pollhook, provider, receiver, 1)

    # The token was renewed meanwhile; the one in the file is spent, and not tried again.
    assert await pollhook.stop() == 0
    await pollhook.start()
    await edited(pollhook, provider, receiver, 2)
    told = await state(pollhook)
    assert told["state"] == "active"
    assert told["credentials"]["generation"] >= 2

    pollhook.add_settings({"instances": []})
    pollhook.program.send(signal.SIGHUP)
    await pollhook.program.line(event="instance.disabled", declared="Declared")
    assert (await state(pollhook))["state"] == "disabled"


async def test_a_bad_file_changes_nothing_and_keeps_a_daemon_from_starting(
    pollhook: Pollhook, declared: Mapping[str, Any]
) -> None:
    config = ("--config", str(pollhook.config))
    pollhook.add_settings({"instances": [declared]})
    pollhook.program.send(signal.SIGHUP)
    await pollhook.program.line(event="instance.created")
    assert (await finished("daemon", "check-config", *config))[0] == 0

    pollhook.add_settings({"instances": [{**declared, "element": "nothing"}]})
    pollhook.program.send(signal.SIGHUP)
    words = "instances[0].element: No element found with key or id nothing."
    refused = await pollhook.program.line(event="configuration.refused")
    assert words in refused["reason"]
    health = (await pollhook.health("/healthz"))[1]["configuration"]
    assert (health["valid"], health["faults"]) == (False, 1)
    assert (await state(pollhook))["state"] == "active"
    status, _, complaints = await finished("daemon", "check-config", *config)
    assert status == 2
    assert complaints.endswith(f"{words}\n")

    await pollhook.stop()
    assert await (await pollhook.begin()).ended() == 2
