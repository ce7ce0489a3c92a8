"""Renews the README's pictures from the running demo: `make pictures`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser

from bench.browser import find_chromium, open_browser
from tests.ui.visiting import Demo, Visit, read_demo, start_demo

DOCS = Path(__file__).parents[2] / "docs"
PICTURES = {"overview": ("/ui/", "light"), "instance": ("/ui/instances/1", "dark")}
VIEWPORT: Any = {"width": 1180, "height": 900}
EDITS = 48
EDIT_SECONDS = 4.0


def main() -> int:
    """Start the demo, let it live for a while, take the pictures, end it."""
    program = find_chromium()
    if program is None:
        print("The pictures need Chromium: install the package chromium.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="pollhook-pictures-") as folder:
        told = Path(folder) / "demo.txt"
        pid = start_demo(told)
        try:
            asyncio.run(_take(program, read_demo(told)))
        finally:
            os.kill(pid, signal.SIGTERM)
    return 0


async def _take(program: str, demo: Demo) -> None:
    async with open_browser(program) as browser:
        await _live(browser, demo)
        for name, (path, scheme) in PICTURES.items():
            async with await browser.new_context(
                viewport=VIEWPORT, color_scheme="dark" if scheme == "dark" else "light"
            ) as context:
                visit = Visit(page=await context.new_page(), demo=demo, complaints=[])
                await visit.sign_in()
                await visit.open(path)
                await _stretch(visit)
                await visit.page.screenshot(path=DOCS / f"{name}.png")
                print(f"docs/{name}.png")


async def _stretch(visit: Visit) -> None:
    """A window as high as the page, so that the rail at its side is, too."""
    height = await visit.page.evaluate("document.querySelector('main').scrollHeight")
    await visit.page.set_viewport_size({**VIEWPORT, "height": height})


async def _live(browser: Browser, demo: Demo) -> None:
    """Edits, so that there is something to be seen: now many, now few, one of them a deletion."""
    async with await browser.new_context() as context:
        visit = Visit(page=await context.new_page(), demo=demo, complaints=[])
        for number in range(1, EDITS + 1):
            for record in range(1, 2 + number % 5):
                change = {"Position": f"Head of {number}"}
                await visit.sandbox("PATCH", f"records/contacts/{record}", change)
            await asyncio.sleep(EDIT_SECONDS)
        await visit.sandbox("DELETE", f"records/contacts/{EDITS}")
        await asyncio.sleep(EDIT_SECONDS * 3)


if __name__ == "__main__":
    sys.exit(main())
