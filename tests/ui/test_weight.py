"""How much the page is: each address of it, with all that it loads, and everything there is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from daemon.admin.ui.pages import load_assets

LIMIT_BYTES = 100_000
STYLE = ("tokens.css", "page.css")
ENTRY = "main.js"
_IMPORT = re.compile(r'(?:\bfrom|^import) "\./([\w-]+\.js)"', re.MULTILINE)
_ROUTE = re.compile(r'^  \[/\^.+, "(\w+)", "[\w ]+"\],$', re.MULTILINE)


def text_of(name: str) -> str:
    return load_assets()[name].content.decode()


def needed_by(*names: str) -> Iterator[str]:
    """These modules and all that they import, once each."""
    found, wanted = set[str](), list(names)
    while wanted:
        if (name := wanted.pop()) not in found:
            found.add(name)
            wanted += _IMPORT.findall(text_of(name))
            yield name


PAGES = [*_ROUTE.findall(text_of(ENTRY)), "sign-in", "missing"]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_needs_more_than_100_kb_of_script_and_style(page: str) -> None:
    needed = [*needed_by(ENTRY, f"{page}.js"), *STYLE]
    assert sum(len(load_assets()[name].content) for name in needed) < LIMIT_BYTES


def test_nothing_lies_there_that_no_page_needs() -> None:
    needed = {*needed_by(ENTRY, *(f"{page}.js" for page in PAGES)), *STYLE}
    assert len(PAGES) == 11
    assert needed | {"authorized.js", "docs.css"} == {
        name for name in load_assets() if name.endswith((".js", ".css"))
    }
