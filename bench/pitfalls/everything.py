"""Everything: all scenarios of a contender, each on a CRM of its own, many at a time."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.pitfalls import clocks, kinds, rows, trouble
from bench.pitfalls.catalogue import Pitfall
from bench.pitfalls.contender import Contender, Crm, Open, Task
from bench.pitfalls.judge import Findings
from bench.pitfalls.naive import open_watermark_poller
from bench.pitfalls.pollhook import open_pollhook
from bench.pitfalls.scene import EVERY_SECONDS, QUIET, REDIRECT_URI, Scene
from daemon.sandbox import crm, receiver
from daemon.sandbox.clock import Clock
from daemon.sandbox.service import Options, Service
from daemon.sandbox.serving import serving

CONTENDERS: Mapping[str, Open] = {
    "pollhook": open_pollhook,
    "watermark poller": open_watermark_poller,
}
SCENARIOS = (rows, clocks, kinds, trouble)
"""Their pitfalls are in the catalogue once these are imported."""
AT_A_TIME = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a contender in a pitfall; `broken` is why it could not be put through it."""

    pitfall: Pitfall
    contender: str
    findings: Findings
    seconds: float
    broken: str | None = None

    @property
    def is_clean(self) -> bool:
        return self.broken is None and self.findings.is_clean


async def run(contender: str, pitfalls: Sequence[Pitfall], folder: Path) -> Sequence[Outcome]:
    """The outcomes in the order of the pitfalls; those apart take turns beside all others."""
    together = [each for each in pitfalls if not each.apart]
    apart = [each for each in pitfalls if each.apart]
    async with asyncio.TaskGroup() as tasks:
        groups = [
            tasks.create_task(_run_together(contender, together, folder / "together")),
            tasks.create_task(_run_apart(contender, apart, folder / "apart")),
        ]
    outcomes = [outcome for group in groups for outcome in group.result()]
    return sorted(outcomes, key=lambda each: pitfalls.index(each.pitfall))


async def _run_together(name: str, pitfalls: Sequence[Pitfall], folder: Path) -> list[Outcome]:
    """One contender goes through many at a time, each on a CRM of its own."""
    if not pitfalls:
        return []
    places = asyncio.Semaphore(AT_A_TIME)
    async with _crm(None) as home, CONTENDERS[name](folder, home.crm) as contender:

        async def go_through(pitfall: Pitfall) -> Outcome:
            async with places, _crm(pitfall) as place:
                return await _outcome(pitfall, contender, place)

        return list(await asyncio.gather(*map(go_through, pitfalls)))


async def _run_apart(name: str, pitfalls: Sequence[Pitfall], folder: Path) -> list[Outcome]:
    """One contender goes through one after the other, on CRMs that follow each other at the address
    of its application's."""
    if not pitfalls:
        return []
    async with _crm(None) as home:
        port = urlsplit(home.crm.url).port or 0
    outcomes = []
    async with CONTENDERS[name](folder, home.crm) as contender:
        for pitfall in pitfalls:
            async with _crm(pitfall, port) as place:
                outcomes.append(await _outcome(pitfall, contender, place))
    return outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A CRM that runs."""

    service: Service
    crm: Crm


@asynccontextmanager
async def _crm(pitfall: Pitfall | None, port: int = 0) -> AsyncIterator[Place]:
    """Its records are older than our clock shows, wherever its own is set to."""
    options, clock = Options(faults=dict(QUIET)), Clock()
    app = crm.create_app(options, clock)
    service = app[crm.SERVICE]
    if pitfall is not None:
        clock.set(pitfall.begins_at())
    async with serving(app, "127.0.0.1", port) as url:
        yield Place(
            service=service,
            crm=Crm(
                url=url,
                personal_token=service.personal_access_token,
                client_id=options.client.id,
                client_secret=options.client.secret,
            ),
        )


async def _outcome(pitfall: Pitfall, contender: Contender, place: Place) -> Outcome:
    app = receiver.create_app()
    async with serving(app, "127.0.0.1", 0) as url:
        scene = Scene(
            task=_task(pitfall, place, f"{url}/callback"),
            service=place.service,
            standing={**QUIET, **pitfall.profile},
            ledger=app[receiver.LEDGER],
            receiver=app[receiver.SWITCHES],
            contender=contender,
        )
        began = time.monotonic()
        try:
            findings, broken = await _findings(pitfall, scene), None
        except Exception:  # noqa: BLE001 -- the others go on
            findings, broken = Findings(), traceback.format_exc()
        await contender.forget(scene.task)
    return Outcome(
        pitfall=pitfall,
        contender=contender.name,
        findings=findings,
        seconds=round(time.monotonic() - began, 1),
        broken=broken,
    )


async def _findings(pitfall: Pitfall, scene: Scene) -> Findings:
    scene.service.switches.put(scene.standing)
    await pitfall.scenario(scene)
    return await scene.settle()


def _task(pitfall: Pitfall, place: Place, callback: str) -> Task:
    code = place.service.grants.give_code(REDIRECT_URI, "demo") if pitfall.apart else None
    return Task(
        name=pitfall.slug,
        crm=place.crm,
        callback=callback,
        redirect_uri=REDIRECT_URI,
        every_seconds=EVERY_SECONDS,
        page_size=pitfall.page_size,
        deletes=pitfall.deletes,
        looks_back=pitfall.looks_back,
        undated=pitfall.undated,
        code=code,
    )
