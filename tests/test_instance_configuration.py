"""The configuration of an instance: foreign values made typed ones, or faults."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import configuration_keys as keys
from daemon.connectors.connector import ConfigurationKey, Element
from daemon.instance_configuration import (
    MASK,
    enabled,
    parse_configuration,
    property_value,
    restore_masked,
    why_unstorable,
)

ELEMENT = Element(
    key="crm",
    id=1,
    name="CRM",
    hub="crm",
    description="",
    authentication="oauth2",
    configuration=(
        ConfigurationKey(key="oauth.api.secret", name="Client secret", secret=True),
        ConfigurationKey(key="crm.alias", name="Alias"),
        ConfigurationKey(key="crm.sandbox", name="Sandbox", type="BOOLEAN"),
    ),
    resources={},
)


def parse(given: dict[str, Any], floor: float = 1.0) -> tuple[dict[str, Any], dict[str, str]]:
    values, faults = parse_configuration(given, ELEMENT, minimum_interval_seconds=floor)
    return dict(values), {fault.field: fault.message for fault in faults}


@pytest.mark.parametrize(
    ("key", "given", "value"),
    [
        ("event.notification.enabled", "TRUE", True),
        ("event.notification.enabled", " false ", False),
        ("crm.sandbox", "true", True),
        ("crm.alias", 12, "12"),
        ("crm.alias", " kept as it is ", " kept as it is "),
        ("event.poller.refresh_interval", "15", 15),
        ("event.poller.refresh_interval", 15.0, 15),
        ("event.poller.refresh_interval", " 0.25 ", 0.25),
        ("event.poller.refresh_interval", "1e3", 1000),
        ("event.poller.refresh_interval", 999999999, 999999999),
        ("event.poller.timezone", " -6:00 ", "-6:00"),
        ("event.notification.format", "CloudEvents", "cloudevents"),
        ("event.notification.callback.headers", '{"X-Key": "a b"}', {"X-Key": "a b"}),
        ("event.notification.retry.schedule", "0, 5, 0.5", [0, 5, 0.5]),
        ("event.notification.retry.schedule", "[0, 60]", [0, 60]),
        ("event.notification.retry.schedule", [30], [30]),
        ("event.poller.configuration", {"a": {"b": [1]}}, {"a": {"b": [1]}}),
        ("event.poller.configuration", '{"a": {}}', '{"a": {}}'),
        ("event.metadata", {"a": [1]}, '{"a":[1]}'),
        ("bulk.anything", True, True),
    ],
    ids=repr,
)
def test_a_value_becomes_its_natural_type(key: str, given: object, value: object) -> None:
    context = {"event.notification.callback.url": "https://x.example"}
    values, faults = parse({**context, key: given})
    assert faults == {}
    assert values[key] == value
    assert type(values[key]) is type(value)


@pytest.mark.parametrize("given", [None, ""], ids=repr)
def test_nothing_given_is_not_a_value(given: object) -> None:
    assert parse({"crm.alias": given, "unknown.key": given}) == ({}, {})


@pytest.mark.parametrize(
    ("key", "given", "words"),
    [
        ("crm.alais", "x", "did you mean crm.alias?"),
        ("zzz", "x", "not a known configuration key"),
        ("crm.alias", True, "a text"),
        ("crm.alias", ["x"], "a text"),
        ("crm.alias", "x" * 65_537, "longer"),
        ("crm.alias", "a\x00", "NUL"),
        ("crm.alias", "\udcff", "surrogate"),
        ("crm.alias", MASK, "mask"),
        ("crm.sandbox", "yes", "true or false"),
        ("crm.sandbox", 1, "true or false"),
        ("event.notification.raw", "all", "events or page or none"),
        ("event.poller.refresh_interval", "0", "floor of 1 s"),
        ("event.poller.refresh_interval", -5, "floor"),
        ("event.poller.refresh_interval", "1_0", "number"),
        ("event.poller.refresh_interval", "nan", "number"),
        ("event.poller.refresh_interval", float("inf"), "number"),
        ("event.poller.refresh_interval", True, "number"),
        ("event.poller.refresh_interval", "1e400", "number"),
        ("event.poller.refresh_interval", 1e10, "above"),
        ("event.poller.timezone", "Mars/Phobos", "Mars/Phobos"),
        ("event.notification.callback.url", "mailto:a@b", "http"),
        ("event.notification.callback.headers", "x", "not JSON"),
        ("event.notification.callback.headers", "[]", "JSON object"),
        ("event.notification.callback.headers", {"a b": "x"}, "name"),
        ("event.notification.callback.headers", {"X": "a\r\nb"}, "X"),
        ("event.notification.callback.headers", {"X": 1}, "X"),
        ("event.notification.callback.headers", {"X-Key": "a", "x-key": "b"}, "twice"),
        ("event.notification.basic.username", "user:name", "colon"),
        ("event.notification.callback.headers", {"Webhook-Id": "x"}, "Webhook-Id"),
        ("event.notification.callback.headers", {"content-length": "1"}, "content-length"),
        ("event.notification.callback.headers", '{"X": "\\u0000"}', "NUL"),
        ("event.notification.retry.schedule", [], "1 to 100 waits"),
        ("event.notification.retry.schedule", [1] * 101, "1 to 100 waits"),
        ("event.notification.retry.schedule", {"a": 1}, "1 to 100 waits"),
        ("event.notification.retry.schedule", 5, "1 to 100 waits"),
        ("event.notification.retry.schedule", "0, x", "not JSON"),
        ("event.notification.retry.schedule", "0, NaN", "not JSON"),
        ("event.notification.retry.schedule", [0, -1], "a wait 2"),
        ("event.notification.retry.schedule", [True], "a wait 1"),
        ("event.notification.retry.schedule", [0, 5, "5"], "a wait 3"),
        ("event.notification.retry.schedule", "0, 2592001", "from 0 to 2592000"),
        ("event.metadata", {"a": "\x00"}, "NUL"),
        ("event.metadata", {"a": 10**30}, "53 bits"),
        ("event.poller.refresh_interval", 10**400, "53 bits"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_wrong_value_is_a_fault_at_its_key(key: str, given: object, words: str) -> None:
    values, faults = parse({key: given})
    assert words in faults[key]
    assert key not in values


def test_the_floor_is_named_in_seconds_and_minutes() -> None:
    _, faults = parse({"event.poller.refresh_interval": 0.5}, floor=60)
    message = faults["event.poller.refresh_interval"]
    assert "60 s" in message
    assert "1 minutes" in message
    assert "polling.minimum_interval_seconds" in message


def test_enabled_events_need_an_address() -> None:
    _, faults = parse({"event.notification.enabled": "true"})
    assert list(faults) == ["event.notification.callback.url"]
    _, faults = parse({"event.notification.enabled": False})
    assert faults == {}


def test_a_wrong_address_is_told_once() -> None:
    given = {"event.notification.enabled": True, "event.notification.callback.url": "x"}
    values, faults = parse_configuration(given, ELEMENT, minimum_interval_seconds=1)
    assert [fault.field for fault in faults] == ["event.notification.callback.url"]
    assert enabled(values)


def test_a_password_needs_a_name() -> None:
    _, faults = parse({"event.notification.basic.password": "x"})
    assert list(faults) == ["event.notification.basic.username"]


def test_a_mask_stands_for_the_stored_secret_only() -> None:
    stored = {"oauth.api.secret": "s"}
    given = {"oauth.api.secret": MASK, "crm.alias": MASK, "crm.sandbox": True}
    assert restore_masked(given, stored) == given | stored


def test_secrets_are_kept_apart() -> None:
    values = {
        "oauth.api.secret": 1,
        "crm.alias": 2,
        "event.notification.callback.headers": 3,
        "event.notification.signature.key": 4,
        "event.notification.basic.password": 5,
        "event.notification.basic.username": 6,
        "bulk.unknown": 7,
    }
    plain, secrets = keys.split_secrets(values, ELEMENT)
    assert plain == {"crm.alias": 2, "event.notification.basic.username": 6, "bulk.unknown": 7}
    assert plain | secrets == values


def test_the_elements_word_on_a_key_wins() -> None:
    own = ConfigurationKey(key=keys.RAW, name="Own", default_value="none")
    element = Element(
        key="x",
        id=1,
        name="X",
        hub="crm",
        description="",
        authentication="oauth2",
        configuration=(own,),
        resources={},
    )
    assert keys.keys_of(element)[keys.RAW] is own
    assert list(keys.keys_of(element)).count(keys.RAW) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*keys.keys_of(ELEMENT), "x"]) | st.text(), JSON))
def test_no_value_makes_it_fail_in_another_way(given: dict[str, Any]) -> None:
    values, faults = parse(given)
    assert set(values) <= set(given)
    assert not any(why_unstorable(value) for value in values.values())
    again, _ = parse(values)
    assert again == values
    assert all(isinstance(message, str) and message for message in faults.values())


def test_deep_nesting_is_refused_before_it_hurts() -> None:
    value: Any = []
    for _ in range(5000):
        value = [value]
    _, faults = parse({"event.poller.configuration": value})
    assert "nested" in faults["event.poller.configuration"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (15, "15"), (0.5, "0.5"), ("x", "x"), ({"a": 1}, '{"a":1}')],
    ids=repr,
)
def test_a_property_value_is_a_text(value: object, text: str) -> None:
    assert property_value(value) == text
