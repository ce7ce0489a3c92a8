"""The description of the API: it names every call there is, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from daemon.admin.instance_views import item_id, render_item
from daemon.admin.routes import OPERATOR_ROUTES, PLATFORM_ROUTES
from tests.admin.api import Api, polling_body_of


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


async def test_every_call_is_described_and_every_reference_leads_somewhere(nobody: Api) -> None:
    document = (await nobody.get("/openapi.json")).json
    assert document["openapi"] == "3.1.0"
    described = {
        (method.upper(), path) for path, calls in document["paths"].items() for method in calls
    }
    wanted = {
        (route.method, prefix + re.sub(r"\{(\w+):[^/]*\}", r"{\1}", route.path))
        for prefix, routes in (
            ("", (*OPERATOR_ROUTES, *PLATFORM_ROUTES)),
            ("/elements/api-v2", PLATFORM_ROUTES),
        )
        for route in routes
    }
    assert described == wanted
    for reference in references(document):
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node


async def test_every_call_has_a_name_of_its_own(nobody: Api) -> None:
    paths = (await nobody.get("/openapi.json")).json["paths"]
    names = [call["operationId"] for calls in paths.values() for call in calls.values()]
    assert len(set(names)) == len(names)
    assert paths["/instances/{id}/state"]["get"]["operationId"] == "getInstancesByIdState"


async def test_every_parameter_of_an_address_is_described(nobody: Api) -> None:
    document = (await nobody.get("/openapi.json")).json
    for path, calls in document["paths"].items():
        for operation in calls.values():
            named = [
                entry["name"] for entry in operation["parameters"] if entry.get("in") == "path"
            ]
            assert sorted(named) == sorted(re.findall(r"\{(\w+)\}", path))


async def test_answers_have_only_described_members(api: Api) -> None:
    schemas = (await api.get("/openapi.json")).json["components"]["schemas"]
    created = (await api.call("POST", "/instances", polling_body_of())).json
    path = f"/instances/{created['id']}"
    for content, name in (
        ((await api.get(f"{path}/state")).json, "InstanceState"),
        ((await api.get(f"{path}/configuration")).json[0], "ConfigurationItem"),
        ((await api.get(f"{path}/state")).json["resources"][0], "ResourceState"),
        ((await api.get("/elements/maximizer/configuration")).json[0], "ConfigurationKey"),
        ((await api.get("/instances?tags[]=none")).json, "Problem"),
        ((await api.get("/healthz")).json, "Health"),
    ):
        schema = schemas[name]
        assert set(content) <= set(schema["properties"]), name
        assert set(schema.get("required", [])) <= set(content), name
    assert set(schemas["Instance"]["required"]) <= set(created)
    assert set(schemas["Element"]["required"]) <= set(created["element"])


def test_a_configuration_item_has_the_same_id_in_every_instance() -> None:
    item = render_item("event.notification.enabled", None, {})
    assert item["id"] == item_id("event.notification.enabled") == item_id(item["key"])


async def test_the_way_to_a_consent_and_back_is_described(nobody: Api) -> None:
    paths = (await nobody.get("/openapi.json")).json["paths"]
    ask = paths["/elements/{element}/oauth/url"]["get"]
    names = {entry["name"] for entry in ask["parameters"]}
    assert {"apiKey", "callbackUrl", "maximizer.alias", "maximizer.datacenter"} <= names
    land = paths["/elements/{element}/oauth/callback"]["get"]
    assert "Location" in land["responses"]["303"]["headers"]
    assert "200" not in land["responses"]
