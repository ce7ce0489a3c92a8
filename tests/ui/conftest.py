"""The page in a real browser: one demo for all workers, Chromium, and a way to judge."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from bench.browser import find_chromium, open_browser
from tests.ui.visiting import Demo, Visit, read_demo, start_demo

PATIENCE_MILLISECONDS = 20_000

expect.set_options(timeout=PATIENCE_MILLISECONDS)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Demo]:
    """`pollhook demo`, begun by the first of the workers that needs it, ended by the last."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder if worker_id == "master" else folder.parent
    told = folder / "page-demo.txt"
    with _shared(folder) as users:
        if not users:
            users["pid"] = start_demo(told)
        users["count"] = users.get("count", 0) + 1
    try:
        yield read_demo(told)
    finally:
        with _shared(folder) as users:
            users["count"] -= 1
            if not users["count"]:
                os.kill(users["pid"], signal.SIGTERM)
                users.clear()


@pytest.fixture(scope="session")
def chromium() -> str:
    found = find_chromium()
    assert found, "The page's tests need Chromium: install the package chromium."
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with open_browser(chromium) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, demo: Demo) -> AsyncIterator[Visit]:
    async with await browser.new_context(viewport={"width": 1280, "height": 860}) as context:
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        page, complaints = await context.new_page(), list[str]()
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text)
                if said.type in ("error", "warning") and said.location["url"].startswith(demo.url)
                else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield Visit(page=page, demo=demo, complaints=complaints)


@contextmanager
def _shared(folder: Path) -> Iterator[dict[str, int]]:
    """What the workers know in common; one of them at a time."""
    with (folder / "page-demo.json").open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        users: dict[str, int] = json.loads(file.read() or "{}")
        yield users
        file.truncate(0)
        file.write(json.dumps(users))
