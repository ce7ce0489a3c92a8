from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.connectors.maximizer.keys import identity_of, read_key


def text_of(*parts: str) -> str:
    return base64.b64encode("\t".join(parts).encode()).decode()


@pytest.mark.parametrize(
    ("parts", "identity"),
    [
        (("Company", "DEMO_4C", "0"), "DEMO_4C\t0"),
        (("AbEntry", "DEMO_4C", "0"), "DEMO_4C\t0"),
        (("Contact", "37266200071", "1"), "37266200071\t1"),
        (("Appointment", "220713002580772238169P", "0", "JNAPOLI"), "220713002580772238169P\t0"),
        (("Note", "3813"), "3813\t0"),
        (("User", "MASTER"), "MASTER\t0"),
        (("Address", "DEMO_1C", "60001"), "DEMO_1C\t60001"),
        (("Task", "1284", "007"), "1284\t7"),
    ],
)
def test_a_keys_text_is_reduced_to_id_and_number(parts: tuple[str, ...], identity: str) -> None:
    text = text_of(*parts)
    key = read_key(text)
    assert key is not None
    assert (key.identity, key.text) == (identity, text)


def test_the_vendors_own_sample_is_understood() -> None:
    assert identity_of("Q29tcGFueQlERU1PXzRDCTA=") == "DEMO_4C\t0"


@pytest.mark.parametrize(
    "expanded",
    [
        {
            "Value": text_of("Company", "DEMO_4C", "0"),
            "EntityType": 1,
            "ID": "DEMO_4C",
            "Number": 0,
        },
        {"value": text_of("AbEntry", "DEMO_4C", "0"), "id": "DEMO_4C", "number": 0},
        {"Id": "DEMO_4C", "Number": 0},
        {"Id": "DEMO_4C", "Number": None},
        {"Id": "DEMO_4C", "Number": "0"},
        {"Value": text_of("Company", "DEMO_4C", "0")},
    ],
    ids=str,
)
def test_the_expanded_form_gives_the_same_identity_as_the_text(expanded: dict[str, Any]) -> None:
    key = read_key(expanded)
    assert key is not None
    assert key.identity == identity_of(text_of("Company", "DEMO_4C", "0"))


def test_a_users_expanded_key_gives_the_same_identity_as_its_text() -> None:
    key = read_key({"Value": "VXNlcglNQVNURVI=", "UID": "MASTER"})
    assert key is not None
    assert key.identity == identity_of("VXNlcglNQVNURVI=")


@pytest.mark.parametrize("value", [None, "", 5, [], {}, {"EntityType": 1}, {"Value": ""}])
def test_what_is_no_key_is_none(value: object) -> None:
    assert read_key(value) is None


@pytest.mark.parametrize("text", ["opaque", "abcd", "Y29udGFjdA==", text_of("Contact", ""), "é"])
def test_a_text_of_another_form_is_its_own_identity(text: str) -> None:
    assert identity_of(text) == text


def test_a_key_that_hides_a_nul_does_not_bring_it_into_the_identity() -> None:
    text = text_of("Contact", "a\x00b", "0")
    assert identity_of(text) == text


@given(st.text())
def test_any_text_has_an_identity_that_can_be_stored(text: str) -> None:
    identity = identity_of(text)
    assert identity == text or "\x00" not in identity
