"""The page in a real browser: the demo as a process of its own, Chromium, and a way to judge."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, async_playwright

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


@dataclass(frozen=True)
class Demo:
    """The running demo: its page, its stand-ins, and who may sign in."""

    url: str
    crm_url: str
    callback_url: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Visit:
    """A person at the page; `complaints` is what the browser's console said."""

    page: Page
    demo: Demo
    complaints: list[str]

    async def open(self, path: str) -> None:
        await self.page.goto(self.demo.url + path)
        await self.page.locator(".skeleton").wait_for(state="detached")

    async def sign_in(self) -> None:
        await self.open("/ui/")
        await self.page.get_by_label("User name").fill(self.demo.username)
        await self.page.get_by_label("Password").fill(self.demo.password)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.get_by_role("heading", name="Overview").wait_for()

    async def keep(self, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """`pollhook demo` until the tests of this process end."""
    command = [sys.executable, "-u", "-m", "daemon", "demo", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _read(process)
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next(filter(None, map(which, PROGRAMS)), None)
    assert found, "The page's tests need Chromium: install the package chromium."
    return found


@pytest_asyncio.fixture
async def browser(chromium: str) -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        program = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        async with await program.new_context(viewport={"width": 1280, "height": 860}) as context:
            context.set_default_timeout(PATIENCE_MILLISECONDS)
            yield context
        await program.close()


@pytest_asyncio.fixture
async def visit(browser: BrowserContext, demo: Demo) -> Visit:
    page, complaints = await browser.new_page(), list[str]()
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return Visit(page=page, demo=demo, complaints=complaints)


def _read(process: subprocess.Popen[str]) -> Demo:
    assert process.stdout
    told = ""
    for line in process.stdout:
        told += line
        if line.startswith("Ctrl-C"):
            break
    found = re.search(
        r"pollhook +(\S+)  \(secrets: (.+)\)[\s\S]*?stand-in +(\S+)[\s\S]*?callback +(\S+)", told
    )
    assert found, told
    account = json.loads(Path(found[2]).read_text("utf-8"))
    return Demo(
        url=found[1],
        crm_url=found[3],
        callback_url=found[4],
        username=account["username"],
        password=account["password"],
    )
