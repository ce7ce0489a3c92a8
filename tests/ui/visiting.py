"""Visiting: the running demo, and a person at its page, for the tests and the pictures."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Page

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
START_SECONDS = 90.0


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


def start_demo(told: Path) -> int:
    """Has the demo run on by itself, what it says going to a file; answers its process id."""
    command = [sys.executable, "-u", "-m", "daemon", "demo", "--port", "0"]
    apart = ["sh", "-c", '"$@" >"$0" 2>&1 & echo $!', str(told), *command]  # outlives this worker
    return int(subprocess.run(apart, stdout=subprocess.PIPE, check=True).stdout)


def read_demo(told: Path) -> Demo:
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
