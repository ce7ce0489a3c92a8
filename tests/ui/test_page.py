"""The web page as people use it, in a real browser against the demo."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.ui.visiting import Visit

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]
PAGES = (
    ("/ui/", "Overview"),
    ("/ui/instances", "Instances"),
    ("/ui/instances/new", "New instance"),
    ("/ui/instances/1", "Maximizer demo"),
    ("/ui/instances/1/edit", "Configuration of Maximizer demo"),
    ("/ui/events", "Events"),
    ("/ui/endpoints", "Endpoints"),
    ("/ui/sandbox", "Sandbox"),
)


async def serious_findings(page: Page) -> list[str]:
    results: dict[str, Any] = (await Axe().run(page)).response
    return [
        f"{found['id']}: {[node['target'] for node in found['nodes']][:3]}"
        for found in results["violations"]
        if found["impact"] in ("serious", "critical")
    ]


async def edit_a_contact(visit: Visit, number: int, position: str) -> str:
    """Answers the id under which its events are told."""
    record = await visit.sandbox("PATCH", f"records/contacts/{number}", {"Position": position})
    return str(record["key"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_is_accessible_and_quiet(visit: Visit, scheme: Any) -> None:
    await visit.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await visit.open("/ui/")
    findings = await serious_findings(visit.page)
    await visit.fill_in_who()
    await visit.page.get_by_role("heading", name="Overview").wait_for()
    event = (await visit.call("GET", "/instances/1/events?pageSize=1"))[0]
    of_event = (f"/ui/events/1/{event['eventId']}", re.compile(r"(creat|updat|delet)ed \w+"))
    for path, heading in (*PAGES, of_event):
        await visit.open(path)
        await expect(visit.page.get_by_role("heading", level=1)).to_have_text(heading)
        findings += [f"{path} {found}" for found in await serious_findings(visit.page)]
        name = heading if isinstance(heading, str) else "event"
        await visit.keep(f"{name} {scheme}".lower().replace(" ", "-"))
    assert findings == []
    assert visit.complaints == []


async def fill_in_the_account(page: Page, name: str) -> None:
    for label, text in (
        ("Name", name),
        ("Alias", "Demo"),
        ("Client id", "sandbox-client"),
        ("Client secret", "sandbox-secret"),
    ):
        await page.get_by_label(label).fill(text)


async def answer_consent(page: Page, answer: str) -> None:
    async with page.expect_popup() as opened:
        await page.get_by_role("button", name="Authorize at Maximizer").click()
    await (await opened.value).get_by_role("button", name=answer).dispatch_event("click")


async def test_an_instance_is_created_by_way_of_the_consent_page(visit: Visit) -> None:
    page = visit.page
    await visit.sign_in()
    await visit.open("/ui/")
    await page.get_by_role("link", name="Create instance").click()
    await fill_in_the_account(page, "Willow")
    await page.get_by_label("Callback URL").fill(visit.demo.callback_url)
    await page.get_by_role("button", name="Send test notification").click()
    await expect(page.get_by_text("It took the notification: 200")).to_be_visible()
    await answer_consent(page, "Allow")
    await expect(page.get_by_text("Authorized. Create the instance")).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("Name")).to_have_value("Willow")
    await page.get_by_role("button", name="Create instance").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Willow is connected")
    await expect(page.get_by_text("whsec_")).to_be_visible()
    assert await serious_findings(page) == []
    await visit.keep("created")
    await page.get_by_role("link", name="Watch it work").click()
    await expect(page.get_by_text("It works.")).to_be_visible()
    assert visit.complaints == []


async def test_bad_input_is_told_at_the_field_in_words(visit: Visit) -> None:
    page = visit.page
    await visit.sign_in()
    await visit.open("/ui/instances/new")
    await page.get_by_label("Callback URL").fill("nonsense")
    await page.get_by_label("Callback URL").blur()
    await expect(page.get_by_text("Has to be an address such as")).to_be_visible()
    await page.get_by_label("Callback URL").fill("")
    await page.get_by_role("button", name="Create instance").click()
    for label in ("Name", "Client secret", "Alias", "Callback URL"):
        await expect(page.get_by_label(label)).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("Name")).to_be_focused()
    await expect(page.get_by_text("Is needed", exact=False).first).to_be_visible()


async def test_form_and_json_of_the_polling_configuration_follow_each_other(visit: Visit) -> None:
    page = visit.page
    await visit.sign_in()
    await visit.open("/ui/instances/new")
    await page.get_by_text("leads", exact=True).click()
    await page.get_by_text("Advanced: each resource").click()
    json_text = page.get_by_label("As JSON")
    await expect(json_text).to_have_value(re.compile(r'"opportunities": {},\s+"leads": {}'))
    await json_text.fill('{"contacts": {"pageSize": 50')
    await expect(page.get_by_text("Is not JSON yet")).to_be_visible()
    await json_text.fill('{"contacts": {"pageSize": 50}}')
    await expect(page.get_by_label("Rows a page")).to_have_value("50")
    await page.get_by_label("Overlap in seconds").fill("7")
    await page.get_by_label("Overlap in seconds").blur()
    await expect(json_text).to_have_value(re.compile('"overlapSeconds": 7'))


async def test_a_denied_consent_loses_nothing_that_was_typed(visit: Visit) -> None:
    page = visit.page
    await visit.sign_in()
    await visit.open("/ui/instances/new")
    await fill_in_the_account(page, "Denied")
    await answer_consent(page, "Deny")
    await expect(page.get_by_text("You did not allow it")).to_be_visible()
    await expect(page.get_by_label("Client id")).to_have_value("sandbox-client")


async def test_new_events_wait_to_be_shown_and_one_is_sent_again(visit: Visit) -> None:
    page = visit.page
    await visit.sign_in()
    key = quote((await visit.sandbox("GET", "records/contacts/5"))["key"])
    await visit.open(f"/ui/events?instance=1&objectType=contacts&objectId={key}")
    await expect(page.get_by_text("live", exact=True)).to_be_visible()
    rows = page.locator("tbody tr")
    await edit_a_contact(visit, 5, "Astronaut")
    await expect(page.get_by_role("button", name="1 new")).to_be_visible()
    assert await rows.count() == 0
    await page.get_by_role("button", name="1 new").click()
    await expect(rows).to_have_count(1)
    await expect(rows.first.get_by_text("delivered")).to_be_visible()
    await rows.first.get_by_role("link").first.click()
    await expect(page.locator(".verdict")).to_contain_text("Delivered.")
    await expect(page.get_by_label("Payload", exact=True)).to_contain_text("Astronaut")
    await page.get_by_role("button", name="Redeliver").click()
    await page.get_by_role("dialog").get_by_role("button", name="Redeliver").click()
    await expect(page.get_by_role("row")).to_have_count(3)
    assert visit.complaints == []


async def test_an_edit_in_the_sandbox_shows_up_beside_it_with_its_latency(visit: Visit) -> None:
    await visit.sign_in()
    await visit.open("/ui/sandbox")
    await expect(visit.page.get_by_text("live", exact=True)).to_be_visible()
    position = visit.page.get_by_label("Position of contacts").nth(6)
    await position.fill("Lighthouse keeper")
    await position.blur()
    await expect(visit.page.get_by_text("after the edit").first).to_be_visible()
    await visit.keep("sandbox-edited")


async def test_a_person_whose_session_is_over_signs_in_and_goes_on(visit: Visit) -> None:
    page = visit.page
    await visit.sign_in()
    await visit.open("/ui/")
    await visit.open("/ui/instances/new")
    await page.get_by_label("Name").fill("Half typed")
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Create instance").click()
    await expect(page.get_by_text("The session is over.")).to_be_visible()
    await page.get_by_label("User name").fill(visit.demo.username)
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_text("is not right")).to_be_visible()
    await page.get_by_label("Password").fill(visit.demo.password)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_label("Name")).to_have_value("Half typed")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_text("You are signed out.")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_label("Password")).to_be_visible()


async def test_on_a_phone_every_page_fits_its_width(visit: Visit) -> None:
    await visit.page.set_viewport_size({"width": 320, "height": 640})
    await visit.sign_in()
    for path, heading in PAGES:
        await visit.open(path)
        await expect(visit.page.get_by_role("heading", level=1)).to_have_text(heading)
        wide, fits = await visit.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= fits, path
        await visit.keep(f"{heading} phone".lower().replace(" ", "-"))


async def test_the_keyboard_finds_an_instance(visit: Visit) -> None:
    await visit.sign_in()
    await visit.open("/ui/")
    await visit.page.keyboard.press("/")
    await visit.page.keyboard.type("maximizer demo")
    await visit.page.keyboard.press("Enter")
    await expect(visit.page.get_by_role("heading", level=1)).to_have_text("Maximizer demo")
