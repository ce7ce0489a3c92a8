from __future__ import annotations

import pytest

from daemon.connectors.maximizer.addresses import Addresses
from daemon.connectors.oauth2 import Endpoint
from daemon.errors import InvalidInput
from daemon.settings import MaximizerSettings

CLOUD = Addresses(MaximizerSettings())


def test_the_cloud_is_addressed_by_data_centre_and_alias() -> None:
    configuration = {"maximizer.datacenter": "ukw", "maximizer.alias": "Acme&Söhne"}
    assert CLOUD.authorize(configuration) == Endpoint(
        url="https://ukw.maximizercrmlive.com/OAuth2/Acme%26S%C3%B6hne/Authorize", guarded=True
    )


def test_the_data_centre_is_the_canadian_one_unless_another_is_named() -> None:
    for datacenter in ({}, {"maximizer.datacenter": ""}, {"maximizer.datacenter": None}):
        assert (
            CLOUD.token({"maximizer.alias": "acme", **datacenter}).url
            == "https://caw.maximizercrmlive.com/oauth2/acme/token"
        )


def test_the_api_is_the_shared_one_and_needs_no_alias() -> None:
    assert CLOUD.api({}) == Endpoint(url="https://api.maximizer.com/octopus", guarded=False)


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("https://ca1.maximizercrmlive.com/api45", "/api45/Data.svc/json"),
        ("https://ca1.maximizercrmlive.com/api45/", "/api45/Data.svc/json"),
        ("https://ca1.maximizercrmlive.com/api45/Data.svc", "/api45/Data.svc/json"),
        ("https://ca1.maximizercrmlive.com/api45/Data.svc/json", "/api45/Data.svc/json"),
        ("https://ca1.maximizercrmlive.com/api45/data.svc/JSON/", "/api45/data.svc/JSON"),
        ("https://ca1.maximizercrmlive.com/MaximizerWebData", "/MaximizerWebData/Data.svc/json"),
        ("https://ca1.maximizercrmlive.com/octopus", "/octopus"),
        ("https://ca1.maximizercrmlive.com/Octopus/", "/Octopus"),
        ("  https://ca1.maximizercrmlive.com  ", "/Data.svc/json"),
    ],
)
def test_an_instances_own_api_is_guarded_and_completed(given: str, base: str) -> None:
    expected = Endpoint(url=f"https://ca1.maximizercrmlive.com{base}", guarded=True)
    assert CLOUD.api({"maximizer.url": given}) == expected


@pytest.mark.parametrize(
    ("template", "guarded"),
    [
        ("http://127.0.0.1:8090/oauth2/{alias}/token", False),
        ("https://crm.example/MaximizerWebAuthentication/OAuth2/Token", False),
        ("https://{datacenter}.crm.example/token", True),
        ("https://{alias}.crm.example/token", True),
    ],
)
def test_only_an_address_whose_host_comes_from_the_instance_is_guarded(
    template: str, guarded: bool
) -> None:
    addresses = Addresses(MaximizerSettings(token_url=template))
    assert addresses.token({"maximizer.alias": "acme"}).guarded is guarded


def test_an_alias_is_needed_only_where_an_address_holds_it() -> None:
    fixed = Addresses(MaximizerSettings(token_url="https://crm.example/OAuth2/Token"))
    assert fixed.token({}).url == "https://crm.example/OAuth2/Token"
    with pytest.raises(InvalidInput) as raised:
        CLOUD.token({})
    assert [fault.field for fault in raised.value.faults] == ["maximizer.alias"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("maximizer.datacenter", "evil.example/x"),
        ("maximizer.datacenter", "evil.example#"),
        ("maximizer.datacenter", "-caw"),
        ("maximizer.datacenter", "a@b"),
        ("maximizer.alias", "a/b"),
        ("maximizer.alias", "a?b"),
        ("maximizer.alias", "a#b"),
        ("maximizer.alias", ".."),
        ("maximizer.alias", "a b"),
        ("maximizer.alias", "a\\b"),
        ("maximizer.alias", "x" * 201),
    ],
)
def test_parts_of_an_address_cannot_lead_elsewhere(key: str, value: str) -> None:
    configuration = {"maximizer.alias": "acme", key: value}
    with pytest.raises(InvalidInput) as raised:
        CLOUD.token(configuration)
    assert [fault.field for fault in raised.value.faults] == [key]


@pytest.mark.parametrize(
    "url", ["https://[::1", "https://x.example/api?y=1", "https://x.example/#y"]
)
def test_an_api_address_with_more_than_a_path_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        CLOUD.api({"maximizer.url": url})
    assert [fault.field for fault in raised.value.faults] == ["maximizer.url"]


def test_calls_are_counted_by_api_and_tenant_whatever_the_casing() -> None:
    one = CLOUD.account_key({"maximizer.alias": "Acme"})
    assert one == CLOUD.account_key({"maximizer.alias": "acme "})
    assert one != CLOUD.account_key({"maximizer.alias": "ajax"})
    assert one != CLOUD.account_key(
        {"maximizer.alias": "acme", "maximizer.url": "https://ca1.example/api45"}
    )
