"""Elements: what there is to connect to, and where consent begins."""

from __future__ import annotations

import orjson
import pytest

from daemon.polling.configuration import PollingStandards, differs, parse_polling
from tests.admin.api import Api
from tests.admin.provider import ELEMENT


async def test_an_element_is_found_by_key_and_by_id(api: Api) -> None:
    by_key, by_id = await api.get("/elements/maximizer"), await api.get("/elements/5127")
    assert by_key.status == 200
    assert by_key.json == by_id.json
    assert (await api.get("/elements")).json == [by_key.json]
    element = by_key.json
    assert (element["key"], element["id"], element["hub"]) == ("maximizer", 5127, "crm")
    assert element["authentication"]["type"] == "oauth2"
    assert (await api.get("/elements/salesforce")).status == 404


async def test_the_configuration_lists_every_key_that_may_be_configured(api: Api) -> None:
    keys = (await api.get("/elements/maximizer/configuration")).json
    assert (await api.get("/elements/maximizer")).json["configuration"] == keys
    by_name = {key["key"]: key for key in keys}
    assert len(by_name) == len(keys)
    for name in (
        "oauth.api.key",
        "maximizer.alias",
        "event.notification.enabled",
        "event.notification.callback.url",
        "event.notification.signature.key",
        "event.notification.retry.schedule",
        "event.poller.refresh_interval",
        "event.poller.timezone",
        "filter.response.nulls",
    ):
        assert set(by_name[name]) >= {"key", "name", "type", "required", "defaultValue"}
    for key in keys:
        assert key["defaultValue"] is None or isinstance(key["defaultValue"], str)


async def test_the_default_polling_configuration_says_what_no_configuration_means(
    api: Api,
) -> None:
    keys = (await api.get("/elements/maximizer/configuration")).json
    text = next(key for key in keys if key["key"] == "event.poller.configuration")["defaultValue"]
    assert list(orjson.loads(text)) == [
        "contacts",
        "companies",
        "addressbook-entries",
        "opportunities",
    ]
    written, meant = (
        parse_polling(value, hub="crm", resources=ELEMENT.resources, standards=PollingStandards())
        for value in (text, None)
    )
    assert isinstance(written, dict)
    assert isinstance(meant, dict)
    assert list(written) == list(meant)
    assert not any(differs(written[name], meant[name]) for name in meant)


async def test_the_metadata_says_that_events_are_polled_for(api: Api) -> None:
    metadata = (await api.get("/elements/maximizer/metadata")).json
    assert metadata["events"] == {"supported": True, "methods": ["polling"]}
    notes = next(entry for entry in metadata["resources"] if entry["name"] == "notes")
    assert (notes["pollable"], notes["reason"]) == (False, "notes have no date of change")


@pytest.mark.parametrize("path", ["/elements/maximizer", "/elements/api-v2/elements/5127"])
async def test_the_consent_address_needs_no_credentials(nobody: Api, path: str) -> None:
    query = "apiKey=k&apiSecret=s&callbackUrl=https://our.example&maximizer.alias=acme&state=mine"
    reply = await nobody.get(f"{path}/oauth/url?{query}")
    assert reply.json == {
        "oauthUrl": "https://provider.example/acme?state=mine",
        "element": "maximizer",
    }


async def test_the_state_is_the_elements_key_where_none_is_given(nobody: Api) -> None:
    query = "apiKey=k&callbackUrl=https://our.example&maximizer.alias=acme&unknown=x"
    reply = await nobody.get(f"/elements/maximizer/oauth/url?{query}")
    assert reply.json["oauthUrl"].endswith("?state=maximizer")


async def test_a_consent_address_that_lacks_a_part_is_refused_by_its_name(nobody: Api) -> None:
    reply = await nobody.get("/elements/maximizer/oauth/url")
    assert (reply.status, set(reply.faults)) == (400, {"apiKey", "callbackUrl"})
    reply = await nobody.get("/elements/maximizer/oauth/url?apiKey=k&callbackUrl=https://x.example")
    assert (reply.status, set(reply.faults)) == (400, {"maximizer.alias"})
    assert (await nobody.get("/elements/other/oauth/url")).status == 404
