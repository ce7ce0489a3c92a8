"""The web page before very many rows: how long until a person sees what the page is about."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import orjson
from playwright.async_api import Browser, BrowserContext

from bench.browser import find_chromium, open_browser
from bench.crowd import Samples, make_crowd
from bench.faults import CheckFailed, check
from bench.product import Home, Product, run_product
from bench.report import Result
from bench.scene import Scene

LIMIT_MILLISECONDS = 1000
PAGE_SIZE = 50
PATIENCE_SECONDS = 60.0
CALM_SECONDS = 300.0
SWIFT_SECONDS = 0.2
SWIFT_CALLS = 10
ROW = "main tbody tr"
ROW_OR_NONE = f"{ROW}, main .empty"

WATCH = """(() => {
  new PerformanceObserver((list) => {
    window.largestAt = list.getEntries().at(-1).startTime;
  }).observe({ type: "largest-contentful-paint", buffered: true });
  window.useful = new Promise((resolve) => {
    const look = () => {
      const node = document.querySelector(%s);
      if (!node?.getBoundingClientRect().height) return requestAnimationFrame(look);
      return requestAnimationFrame(() => resolve(performance.now()));
    };
    requestAnimationFrame(look);
  });
})()"""
"""Notes when something that matches is drawn: in the frame after the one that finds it."""

TELL = """async () => ({
  useful: await window.useful,
  first: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null,
  largest: window.largestAt ?? null,
  calls: Object.fromEntries(performance.getEntriesByType("resource")
    .filter((entry) => entry.initiatorType === "fetch")
    .map((entry) => [new URL(entry.name).pathname + new URL(entry.name).search, entry.duration])),
})"""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An address of the page; what matches `useful` is what a person came for."""

    name: str
    path: str
    useful: str = ROW


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Milliseconds from the request on, with nothing in the browser's cache; `calls` are how long
    each call of the API took, as the browser saw it."""

    useful: float
    first: float | None
    largest: float | None
    calls: Mapping[str, float]


async def measure(scene: Scene) -> Result:
    """Each view once without counting, then in turns."""
    program = find_chromium()
    if program is None:
        raise CheckFailed("the page's benchmark needs Chromium: install the package chromium")
    home = Home(folder=scene.folder / "product", api_url=scene.api_url)
    views = _views(await make_crowd(scene, home), scene.plan.instances)
    return _result(scene, await _look(scene, home, program, views))


async def _look(
    scene: Scene, home: Home, program: str, views: Sequence[View]
) -> Mapping[str, Sequence[Visit]]:
    visits: dict[str, list[Visit]] = {view.name: [] for view in views}
    await scene.calibration.take()
    async with run_product(home) as product, open_browser(program) as browser:
        await _await_calm(product)
        state = await _sign_in(browser, product)
        for turn in range(scene.plan.rounds + 1):
            for view in views:
                visit = await _visit(browser, product.url, state, view)
                if turn:
                    visits[view.name].append(visit)
    return visits


async def _await_calm(product: Product) -> None:
    """Return when calls are answered at once: tasks for very many instances take a while."""
    until, swift = time.monotonic() + CALM_SECONDS, 0
    while swift < SWIFT_CALLS:
        check(time.monotonic() < until, f"the daemon is still busy after {CALM_SECONDS:g} s")
        began = time.monotonic()
        await product.call("GET", "/instances?pageSize=1")
        swift = swift + 1 if time.monotonic() - began < SWIFT_SECONDS else 0
        await asyncio.sleep(SWIFT_SECONDS)


def _views(samples: Samples, instances: int) -> Sequence[View]:
    filters = {
        "by instance": "instance=1",
        "by resource": "objectType=opportunities",
        "by object": f"objectId={samples.object_key}",
        "by an object that is not there": "objectId=nobody",
        "by type": "eventType=DELETED",
        "pending": "state=pending",
        "retrying": "state=retrying",
        "delivered": "state=delivered",
        "cancelled": "state=cancelled",
        "split, which none is": "state=split",
        "until an instant": f"to={samples.local_time}",
        "from an instant": f"from={samples.local_time}",
        "type and resource": "eventType=DELETED&objectType=contacts",
    }
    return (
        View(name="overview", path="/ui/"),
        View(name="overview, a week", path="/ui/?span=week", useful="main figure.chart rect"),
        View(name="instances", path="/ui/instances"),
        View(name="instances, the last page", path=f"/ui/instances?page={instances // PAGE_SIZE}"),
        View(name="instances by text", path="/ui/instances?text=willow"),
        View(name="instances by tag", path="/ui/instances?tag=region-7"),
        View(name="instances in trouble", path="/ui/instances?state=trouble"),
        View(name="an instance", path="/ui/instances/1"),
        View(name="an instance, a week", path="/ui/instances/1?span=week"),
        View(name="endpoints", path="/ui/endpoints"),
        View(name="events", path="/ui/events"),
        *(
            View(name=f"events {name}", path=f"/ui/events?{query}", useful=ROW_OR_NONE)
            for name, query in filters.items()
        ),
        View(name="dead letters", path="/ui/events?state=dead"),
        View(name="an event", path=f"/ui/events/1/{samples.event_id}"),
    )


async def _sign_in(browser: Browser, product: Product) -> Any:
    secrets = orjson.loads((product.home.data / "credentials.json").read_bytes())
    credentials = {name: secrets[name] for name in ("username", "password")}
    async with await browser.new_context() as context:
        answer = await context.request.post(f"{product.url}/authentication", data=credentials)
        if not answer.ok:
            raise CheckFailed(f"signing in: {answer.status} {await answer.text()}")
        return await context.storage_state()


async def _visit(browser: Browser, url: str, state: Any, view: View) -> Visit:
    async with _stranger(browser, state) as context:
        page = await context.new_page()
        await page.add_init_script(WATCH % orjson.dumps(view.useful).decode())
        await page.goto(url + view.path, wait_until="commit")
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return Visit(**await page.evaluate(TELL))
        except TimeoutError:
            raise CheckFailed(f"nothing to see of {view.name} at {page.url}") from None


@asynccontextmanager
async def _stranger(browser: Browser, state: Any) -> AsyncIterator[BrowserContext]:
    """Somebody who is signed in but has never seen the page: nothing is cached."""
    viewport = {"width": 1280, "height": 860}
    async with await browser.new_context(storage_state=state, viewport=viewport) as context:
        yield context


def _result(scene: Scene, visits: Mapping[str, Sequence[Visit]]) -> Result:
    plan = scene.plan
    rows = [(name, _row(each)) for name, each in visits.items()]
    slowest = max(row[0] for _, row in rows)
    kept = "kept" if slowest < LIMIT_MILLISECONDS else "BROKEN"
    return Result(
        name="page",
        title=(
            f"{plan.instances:,} instances and {plan.page_events:,} events behind the web page,"
            f" the median of {plan.rounds}, nothing cached in the browser"
        ),
        columns=("useful ms", "worst ms", "first paint ms", "largest paint ms", "slowest call ms"),
        rows=rows,
        notes=(f"useful within {LIMIT_MILLISECONDS} ms: {kept}",),
        values={name: [asdict(visit) for visit in each] for name, each in visits.items()},
        calibration=scene.calibration,
    )


def _row(visits: Sequence[Visit]) -> tuple[float, ...]:
    useful = [visit.useful for visit in visits]
    return (
        median(useful),
        max(useful),
        median(visit.first or 0 for visit in visits),
        median(visit.largest or 0 for visit in visits),
        median(max(visit.calls.values()) for visit in visits),
    )
