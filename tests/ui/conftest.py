"""The page in a real browser: one demo for all workers, Chromium, and a way to judge."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MILLISECONDS = 20_000
START_SECONDS = 90.0

expect.set_options(timeout=PATIENCE_MILLISECONDS)


@dataclass(frozen=True)
class Demo:
    """The running demo: its page, its stand-ins, and who may sign in."""

    url: str
    crm_url: str
    callback_url: str
    username: str
    password: str = field(repr=False)
    data: Path


@dataclass(frozen=True)
class Visit:
    """A person at the page; `complaints` is what the browser's console said."""

    page: Page
    demo: Demo
    complaints: list[str]

    async def open(self, path: str) -> None:
        await self.page.goto(self.demo.url + path)
        await self.page.locator(".skeleton").wait_for(state="detached")
        await self.page.locator("h1").wait_for()

    async def fill_in_who(self) -> None:
        await self.page.get_by_label("User name").fill(self.demo.username)
        await self.page.get_by_label("Password").fill(self.demo.password)
        await self.page.get_by_role("button", name="Sign in").click()

    async def sign_in(self) -> None:
        """By the API, as quickly as can be; the form has a test of its own."""
        credentials = {"username": self.demo.username, "password": self.demo.password}
        request = self.page.context.request
        answer = await request.post(f"{self.demo.url}/authentication", data=credentials)
        assert answer.ok

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """A call to the API as the person who is signed in."""
        request = self.page.context.request
        told = await (await request.get(f"{self.demo.url}/authentication")).json()
        headers = {"X-CSRF-Token": told["csrfToken"]}
        answer = await request.fetch(
            self.demo.url + path, method=method, data=body, headers=headers
        )
        assert answer.ok, await answer.text()
        return await answer.json()

    async def sandbox(self, method: str, path: str, body: Any = None) -> Any:
        """A call to the stand-in of the provider, or of the callback where an address is given."""
        address = path if path.startswith("http") else f"{self.demo.crm_url}/_sandbox/{path}"
        answer = await self.page.context.request.fetch(address, method=method, data=body)
        assert answer.ok, await answer.text()
        return await answer.json()

    async def keep(self, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Demo]:
    """`pollhook demo`, begun by the first of the workers that needs it, ended by the last."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder if worker_id == "master" else folder.parent
    told = folder / "page-demo.txt"
    with _shared(folder) as users:
        if not users:
            users["pid"] = _start(told)
        users["count"] = users.get("count", 0) + 1
    try:
        yield _read(told)
    finally:
        with _shared(folder) as users:
            users["count"] -= 1
            if not users["count"]:
                os.kill(users["pid"], signal.SIGTERM)
                users.clear()


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next(filter(None, map(which, PROGRAMS)), None)
    assert found, "The page's tests need Chromium: install the package chromium."
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        program = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield program
        await program.close()


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


def _start(told: Path) -> int:
    command = [sys.executable, "-u", "-m", "daemon", "demo", "--port", "0"]
    apart = ["sh", "-c", '"$@" >"$0" 2>&1 & echo $!', str(told), *command]  # outlives this worker
    return int(subprocess.run(apart, stdout=subprocess.PIPE, check=True).stdout)


def _read(told: Path) -> Demo:
    """What the demo says, once it has said everything."""
    until = time.monotonic() + START_SECONDS
    while "Ctrl-C" not in (text := told.read_text("utf-8") if told.exists() else ""):
        assert time.monotonic() < until, text
        time.sleep(0.1)
    found = re.search(
        r"pollhook +(\S+)  \(secrets: (.+)\)[\s\S]*?stand-in +(\S+)[\s\S]*?callback +(\S+)", text
    )
    assert found, text
    account = json.loads(Path(found[2]).read_text("utf-8"))
    return Demo(
        url=found[1],
        crm_url=found[3],
        callback_url=found[4],
        username=account["username"],
        password=account["password"],
        data=Path(found[2]).parent,
    )
