"""The table of routes: every call there is, what it asks for and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.admin import (
    configuration_items,
    documentation,
    elements,
    health,
    hubs,
    instances,
    openapi,
    resources,
)
from daemon.admin.access import Access, Handler
from daemon.admin.delivery_routes import DELIVERY_ROWS
from daemon.admin.event_routes import EVENT_ROWS
from daemon.admin.page_routes import PAGE_ROWS, SIGN_IN_ROWS


@dataclass(frozen=True, slots=True)
class Route:
    """One row. `takes` and `answers` name schemas of the API description, None for no body."""

    method: str
    path: str
    handler: Handler
    access: Access
    summary: str
    answers: str
    takes: str | None = None


_GET, _POST, _PUT, _PATCH, _DELETE = "GET", "POST", "PUT", "PATCH", "DELETE"
_OPEN, _MEMBER, _PLATFORM, _HUB = Access.OPEN, Access.MEMBER, Access.PLATFORM, Access.HUB

OPERATOR_ROUTES = (
    Route(_GET, "/livez", health.livez, _OPEN, "Whether the process lives", "Status"),
    Route(_GET, "/readyz", health.readyz, _OPEN, "Whether it is ready to work", "Status"),
    Route(_GET, "/healthz", health.healthz, _OPEN, "How it is doing", "Health"),
    Route(_GET, "/metrics", health.metrics, _OPEN, "Metrics for Prometheus", "Metrics"),
    Route(_GET, "/openapi.json", openapi.describe, _OPEN, "This description", "OpenApi"),
    Route(_GET, "/docs", documentation.show, _OPEN, "This description, for people", "Page"),
)
"""What operators and their programs ask; served without prefix only."""

_ELEMENT = "/elements/{element}"

ELEMENT_ROUTES = (
    Route(_GET, "/elements", elements.list_elements, _MEMBER, "List elements", "Elements"),
    Route(_GET, _ELEMENT, elements.get_element, _MEMBER, "Get an element", "Element"),
    Route(
        _GET,
        f"{_ELEMENT}/configuration",
        elements.get_configuration,
        _MEMBER,
        "List what instances of an element can configure",
        "ConfigurationKeys",
    ),
    Route(
        _GET,
        f"{_ELEMENT}/metadata",
        elements.get_metadata,
        _MEMBER,
        "Tell what an element is able to do",
        "Metadata",
    ),
    Route(
        _GET,
        f"{_ELEMENT}/oauth/url",
        elements.get_authorization_url,
        _OPEN,
        "Get the address where a person gives consent",
        "AuthorizationUrl",
    ),
    Route(
        _POST,
        f"{_ELEMENT}/instances",
        instances.create,
        _PLATFORM,
        "Create an instance of this element",
        "Instance",
        "NewInstance",
    ),
)

INSTANCE_ROUTES = (
    Route(
        _POST,
        "/instances",
        instances.create,
        _PLATFORM,
        "Create an instance",
        "Instance",
        "NewInstance",
    ),
    Route(
        _GET,
        "/instances",
        instances.list_or_get,
        _MEMBER,
        "List instances, or get one",
        "Instances",
    ),
    Route(_GET, r"/instances/{id:\d{1,18}}", instances.get, _MEMBER, "Get an instance", "Instance"),
)

_ONE_INSTANCE = (
    (_PUT, "", instances.replace, "Replace the configuration", "Instance", "InstanceChange"),
    (_PATCH, "", instances.merge, "Alter parts of an instance", "Instance", "InstanceChange"),
    (_DELETE, "", instances.delete, "Delete an instance", "Nothing", None),
    (_PUT, "/enabled", instances.enable, "Enable an instance", "Instance", None),
    (_DELETE, "/enabled", instances.disable, "Disable an instance", "Instance", None),
    (_GET, "/state", instances.get_state, "Tell how an instance is doing", "InstanceState", None),
    (
        _GET,
        "/configuration",
        configuration_items.list_items,
        "List the configuration",
        "ConfigurationItems",
        None,
    ),
    (
        _GET,
        "/configuration/{item}",
        configuration_items.get_item,
        "Get one configuration item",
        "ConfigurationItem",
        None,
    ),
    (
        _PATCH,
        "/configuration/{item}",
        configuration_items.change_item,
        "Alter one configuration item",
        "ConfigurationItem",
        "ConfigurationItemChange",
    ),
)
"""Served with the id in the address, and without it for the instance whose token comes along."""

_RESOURCE = "/resources/{resource}"

_ONE_RESOURCE = (
    (_POST, f"{_RESOURCE}/poll", resources.poll, "Poll a resource now", "ResourceState", None),
    (
        _POST,
        f"{_RESOURCE}/rewind",
        resources.rewind,
        "Move the cursor of a resource back",
        "ResourceState",
        "Rewind",
    ),
    (
        _POST,
        f"{_RESOURCE}/sweep",
        resources.sweep,
        "Search a resource for deleted objects now",
        "ResourceState",
        "Sweep",
    ),
    (_PUT, f"{_RESOURCE}/enabled", resources.resume, "Resume a resource", "ResourceState", None),
    (_DELETE, f"{_RESOURCE}/enabled", resources.pause, "Pause a resource", "ResourceState", None),
)
"""The same, about one of its resources."""

_RECORDS = "/hubs/{hub}/{resource}"
_RECORD = f"{_RECORDS}/{{record:.+}}"

HUB_ROUTES = (
    Route(_GET, _RECORDS, hubs.list_records, _HUB, "List records", "Records"),
    Route(_GET, _RECORD, hubs.get_record, _HUB, "Get a record", "Record"),
    Route(_POST, _RECORDS, hubs.create_record, _HUB, "Create a record", "Record", "Record"),
    Route(_PATCH, _RECORD, hubs.update_record, _HUB, "Alter a record", "Record", "Record"),
    Route(_DELETE, _RECORD, hubs.delete_record, _HUB, "Delete a record", "Nothing"),
)

PLATFORM_ROUTES = (
    *ELEMENT_ROUTES,
    *INSTANCE_ROUTES,
    *HUB_ROUTES,
    *(Route(*row) for row in (*SIGN_IN_ROWS, *EVENT_ROWS, *DELIVERY_ROWS)),
    *(
        Route(method, f"{path}{rest}", handler, _MEMBER, summary, answers, takes)
        for path in (r"/instances/{id:\d{1,18}}", "/instances")
        for method, rest, handler, summary, answers, takes in (*_ONE_INSTANCE, *_ONE_RESOURCE)
    ),
)
"""The platform API, served with the original's prefix and without."""

PAGE_ROUTES = tuple(Route(*row) for row in PAGE_ROWS)
"""The page's own, which may change with it: no part of the API and of its description."""
