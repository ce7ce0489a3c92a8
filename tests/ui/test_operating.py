"""The web page for whoever is woken: acting on an instance, on events, over a broken line."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from playwright.async_api import Page, Route, expect

from daemon.notifications.records import EPOCH
from daemon.settings import Settings
from daemon.store.opening import open_current_database
from tests.ui.visiting import Visit

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]


async def answer_dialog(page: Page, button: str) -> None:
    await page.get_by_role("dialog").get_by_role("button", name=button).click()


async def test_polls_are_asked_for_paused_resumed_and_rewound(visit: Visit) -> None:
    page = visit.page
    await visit.sign_in()
    await visit.open("/ui/instances/1")
    await page.get_by_role("button", name="Poll now companies").click()
    await expect(page.get_by_text("companies: 1 row read").first).to_be_visible()
    await page.get_by_role("button", name="Pause companies").click()
    await expect(page.get_by_role("button", name="Resume companies")).to_be_visible()
    await expect(
        page.get_by_role("row", name="companies").get_by_text("paused").first
    ).to_be_visible()
    await page.get_by_role("button", name="Resume companies").click()
    await expect(page.get_by_role("button", name="Pause companies")).to_be_visible()
    await page.get_by_role("button", name="Rewind companies").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Goes 1 h back")
    await page.get_by_label("Tell again also").check()
    await expect(page.get_by_role("dialog")).to_contain_text("told again, under new event ids")
    await page.get_by_label("Tell again also").uncheck()
    await answer_dialog(page, "Rewind")
    await expect(page.get_by_text("companies reads again from there")).to_be_visible()
    assert visit.complaints == []


async def test_the_timeline_shows_polls_and_the_charts_say_what_they_show(visit: Visit) -> None:
    await visit.sign_in()
    await visit.open("/ui/instances/1")
    for name in ("contacts: ", "Polls: how long", "Rate budget", "Delivery latency", "Changes by"):
        await expect(visit.page.get_by_role("img", name=name)).to_have_count(1)
    polls = visit.page.get_by_role("img", name="opportunities: ")
    await expect(polls).to_have_attribute("aria-label", re.compile(r"\d+ polls, 0 failed"))
    await visit.keep("instance-charts")


async def test_a_rotated_secret_is_shown_once(visit: Visit) -> None:
    page = visit.page
    await visit.sign_in()
    await visit.open("/ui/instances/1")
    await page.get_by_role("button", name="Rotate secret").click()
    await expect(page.get_by_role("dialog")).to_contain_text("For 24 hours both sign")
    await answer_dialog(page, "Rotate")
    await expect(page.get_by_text("whsec_")).to_be_visible()
    await answer_dialog(page, "I kept it")
    await expect(page.get_by_text("whsec_")).to_have_count(0)
    assert visit.complaints == []


async def test_consent_is_renewed_in_the_same_window_where_popups_are_blocked(visit: Visit) -> None:
    page = visit.page
    await page.add_init_script("window.open = () => null")
    await visit.sign_in()
    await visit.open("/ui/instances/1")
    await page.get_by_role("link", name="Re-authorize").click()
    await page.get_by_label("Name").fill("Typed before")
    await page.get_by_role("button", name="Re-authorize at Maximizer").click()
    await page.get_by_role("button", name="Allow").click()
    await expect(page.get_by_text("Authorized: polling goes on")).to_be_visible()
    await expect(page.get_by_label("Name")).to_have_value("Typed before")
    await page.get_by_role("button", name="Drop what was typed").click()
    await expect(page.get_by_label("Name")).to_have_value("Maximizer demo")
    assert visit.complaints == []


async def test_another_filter_asks_what_becomes_of_the_cursor(visit: Visit) -> None:
    page = visit.page
    await visit.sign_in()
    await visit.open("/ui/instances/1/edit")
    await page.get_by_text("Advanced: each resource").click()
    text = page.get_by_label("As JSON")
    polled = json.loads(await text.input_value())
    polled["companies"]["url"] += " AND CompanyName != 'Nobody'"
    await text.fill(json.dumps(polled))
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("dialog")).to_contain_text("What becomes of the cursor?")
    await answer_dialog(page, "Save")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Maximizer demo")
    await expect(page.get_by_text("Saved: it is in effect")).to_be_visible()


async def test_what_happens_while_the_line_is_broken_arrives_after_it(visit: Visit) -> None:
    page, edited, is_broken = visit.page, asyncio.Event(), asyncio.Event()

    async def break_once(route: Route) -> None:
        if not is_broken.is_set():
            is_broken.set()
            place = (datetime.now(UTC) - EPOCH).total_seconds() * 1_000_000
            body = f"retry: 100\n: here\nid: {int(place)}.\n\n"
            await route.fulfill(body=body, content_type="text/event-stream")
            return
        await edited.wait()
        await route.continue_()

    await page.route("**/events/stream*", break_once)
    await visit.sign_in()
    record = await visit.sandbox("GET", "records/contacts/9")
    await visit.open(f"/ui/events?objectType=contacts&objectId={quote(record['key'])}")
    await expect(page.get_by_text("connection lost, trying again")).to_be_visible()
    await visit.sandbox("PATCH", "records/contacts/9", {"Position": "Ferryman"})
    await asyncio.sleep(1.5)  # polled and stored while nobody listens
    edited.set()
    await expect(page.get_by_role("button", name="1 new")).to_be_visible()
    await expect(page.get_by_text("live", exact=True)).to_be_visible()


async def make_dead_letter(visit: Visit, number: int) -> None:
    """Have the notification of an edit be given up, which takes the product a day."""
    await visit.sandbox("PATCH", f"records/opportunities/{number}", {"Description": "lost"})
    path, delivered = "/instances/1/events?objectType=opportunities&state=delivered", []
    for _ in range(100):
        if delivered := await visit.call("GET", path):
            break
        await asyncio.sleep(0.2)
    settings = Settings.model_validate({"data_dir": visit.demo.data})
    async with open_current_database(settings) as database:
        await database.execute(
            "update notifications set state = 'dead' where id = $1",
            int(delivered[0]["notificationId"]),
        )


async def test_dead_letters_are_sent_again_or_removed_after_a_count(visit: Visit) -> None:
    page = visit.page
    await visit.sign_in()
    for number in (3, 4):
        await make_dead_letter(visit, number)
    await visit.open("/ui/events?instance=1&objectType=opportunities")
    await page.get_by_role("link", name="Dead letters").click()
    await expect(page.get_by_text("These were given up")).to_be_visible()
    await visit.keep("dead-letters")
    await page.get_by_role("checkbox").first.check()
    await page.get_by_role("button", name="Redeliver 1").click()
    await answer_dialog(page, "Redeliver 1")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.get_by_role("button", name="Remove all").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Removes for good 1 dead notification")
    await answer_dialog(page, "Remove 1")
    await expect(page.get_by_text("No dead letters.")).to_be_visible()
    assert visit.complaints == []


async def test_the_command_box_finds_objects_and_events_by_their_ids(visit: Visit) -> None:
    page = visit.page
    await visit.sign_in()
    event = (await visit.call("GET", "/instances/1/events"))[-1]
    for text, address in (
        (event["id"], f"/ui/events/1/{event['id']}"),
        (event["objectId"], f"/ui/events?objectId={quote(event['objectId'])}"),
        ("1", "/ui/instances/1"),
    ):
        await visit.open("/ui/endpoints")
        await page.keyboard.press("/")
        await page.keyboard.type(text)
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(visit.demo.url + address)
