"""The documentation for people: it tells of every call, and needs nothing from elsewhere."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

from daemon.admin.routes import OPERATOR_ROUTES, PLATFORM_ROUTES
from tests.admin.api import Api

UNCLOSED = {"meta", "link"}


class Document(HTMLParser):
    """Checks that tags are closed in order, and collects what leads somewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in UNCLOSED:
            self.open.append(tag)
        given = dict(attrs)
        assert not {"style", "onclick", "src"} & given.keys()
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if "href" in given else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_every_call_is_told_of_to_anybody_on_a_page_of_our_own(nobody: Api) -> None:
    reply = await nobody.get("/docs", headers={"Accept": "text/html"})
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy

    document = Document(reply.text)
    assert document.open == []
    assert "script" not in document.tags
    assert len(set(document.ids)) == len(document.ids)
    for link in document.links:
        if link.startswith("#"):
            assert link[1:] in document.ids, link
        else:
            assert (await nobody.get(link, headers={"Accept": "*/*"})).status == 200, link

    told = set(
        re.findall(r'<b class="method">(\w+)</b> <code>([^<]*)</code>', unescape(reply.text))
    )
    routes = (*OPERATOR_ROUTES, *PLATFORM_ROUTES)
    assert told == {
        (route.method, re.sub(r"\{(\w+):[^/]*\}", r"{\1}", route.path)) for route in routes
    }
