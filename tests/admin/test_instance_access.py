"""Who may see and do what: secrets, tokens, and the walls between organizations."""

from __future__ import annotations

from typing import Any

from daemon.store.first_account import Credentials
from tests.admin.api import Api, body_of, polling_body_of


async def create(api: Api, body: dict[str, Any]) -> dict[str, Any]:
    reply = await api.call("POST", "/instances", body)
    assert reply.status == 200, reply.text
    created: dict[str, Any] = reply.json
    return created


async def test_a_foreign_instance_is_as_unknown_as_one_that_never_was(
    api: Api, foreign: Api
) -> None:
    created = await create(api, polling_body_of())
    calls: list[tuple[str, str, Any]] = [
        ("GET", "", None),
        ("PUT", "", {"name": "x"}),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("PUT", "/enabled", None),
        ("DELETE", "/enabled", None),
        ("GET", "/state", None),
        ("GET", "/configuration", None),
        ("GET", "/configuration/event.notification.enabled", None),
        ("PATCH", "/configuration/event.notification.enabled", {"propertyValue": "false"}),
    ]
    for method, rest, body in calls:
        replies = [
            await foreign.call(method, f"/instances/{number}{rest}", body)
            for number in (created["id"], 99999)
        ]
        assert [reply.status for reply in replies] == [404, 404], (method, rest)
        words = [reply.json["message"].replace(str(created["id"]), "99999") for reply in replies]
        assert words[0] == words[1]
    assert (await foreign.get("/instances")).json == []
    assert (await api.get(f"/instances/{created['id']}")).json["name"] == created["name"]


async def test_a_token_means_its_instance_where_no_id_is_given(
    api: Api, credentials: Credentials
) -> None:
    first = await create(api, polling_body_of("First", "code-0"))
    second = await create(api, body_of("Second", "code-1"))
    own = api.acting_for(credentials, first["token"])
    assert (await own.get("/instances")).json["id"] == first["id"]
    assert (await own.get(f"/instances/{first['id']}")).json["id"] == first["id"]
    assert (await own.get("/instances/state")).json["id"] == first["id"]
    items = (await own.get("/instances/configuration")).json
    assert any(item["key"] == "event.notification.enabled" for item in items)
    renamed = await own.call("PATCH", "/instances", {"name": "Renamed"})
    assert renamed.json["name"] == "Renamed"
    assert (await own.call("PUT", "/instances", {"tags": ["x"]})).json["tags"] == ["x"]
    assert (await own.call("DELETE", "/instances/enabled")).json["disabled"] is True
    assert (await own.call("PUT", "/instances/enabled")).json["disabled"] is False
    assert (await own.get(f"/instances/{second['id']}")).status == 404
    assert (await own.call("DELETE", "/instances")).status == 200
    assert (await own.get("/instances")).status == 401
    assert (await api.get(f"/instances/{second['id']}")).status == 200


async def test_a_token_of_another_organization_opens_nothing(
    api: Api, stranger: Credentials
) -> None:
    created = await create(api, body_of())
    assert (await api.acting_for(stranger, created["token"]).get("/instances")).status == 401


async def test_a_token_does_not_make_instances(api: Api, credentials: Credentials) -> None:
    created = await create(api, body_of())
    own = api.acting_for(credentials, created["token"])
    assert (await own.call("POST", "/instances", body_of(code="code-1"))).status == 401


async def test_without_a_token_the_forms_without_id_name_nothing(api: Api) -> None:
    for method, path, body in (
        ("PATCH", "/instances", {"name": "x"}),
        ("DELETE", "/instances", None),
        ("GET", "/instances/state", None),
    ):
        reply = await api.call(method, path, body)
        assert reply.status == 401
        assert "Element" in reply.json["message"]


async def test_instances_are_found_by_tags_and_text(api: Api) -> None:
    for number, (name, tags) in enumerate(
        (("Alpha one", ["a"]), ("alpha TWO", ["a", "b"]), ("Beta 100%", ["b"]))
    ):
        await create(api, body_of(name, f"code-{number}") | {"tags": tags})

    async def names(query: str) -> list[str]:
        reply = await api.get(f"/instances{query}")
        assert reply.status == 200, reply.text
        assert reply.headers["Elements-Returned-Count"] == str(len(reply.json))
        return [entry["name"] for entry in reply.json]

    assert await names("") == ["Alpha one", "alpha TWO", "Beta 100%"]
    assert await names("?tags[]=a") == ["Alpha one", "alpha TWO"]
    assert await names("?tags%5B%5D=a&tags%5B%5D=b") == ["alpha TWO"]
    assert await names("?searchText=ALPHA") == ["Alpha one", "alpha TWO"]
    assert await names("?searchText=100%25") == ["Beta 100%"]
    assert await names("?tags[]=b&searchText=alpha") == ["alpha TWO"]
    for query in ("?tags[]=c", "?searchText=gamma", "?searchText=_"):
        assert (await api.get(f"/instances{query}")).status == 404


async def test_a_list_is_read_page_by_page(api: Api) -> None:
    assert (await api.get("/instances")).json == []
    for number in range(5):
        await create(api, body_of(f"Number {number}", f"code-{number}"))
    path: str | None = "/elements/api-v2/instances?searchText=number&pageSize=2"
    seen: list[str] = []
    while path is not None:
        reply = await api.get(path)
        assert reply.headers["Elements-Total-Count"] == "5"
        seen += [entry["name"] for entry in reply.json]
        link = reply.headers.get("Link")
        path = link.partition(">")[0].removeprefix("<") if link else None
    assert seen == [f"Number {number}" for number in range(5)]
    for query in ("page=0", "page=x", "pageSize=1001", "pageSize=-1", "page=1e3"):
        reply = await api.get(f"/instances?{query}")
        assert reply.status == 400
        assert list(reply.faults) == [query.partition("=")[0]]
