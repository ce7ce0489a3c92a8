from collections.abc import Callable
from ipaddress import ip_network

import pytest
from pydantic import SecretStr

from daemon.settings.values import (
    check_address_template,
    check_dsn,
    check_public_url,
    check_rate_limit,
    check_zone,
    parse_network,
)


@pytest.mark.parametrize(
    ("check", "text", "expected"),
    [
        (check_rate_limit, "30/10s", "30/10s"),
        (check_rate_limit, "1/0.5s", "1/0.5s"),
        (check_rate_limit, " 30/10s,1000/3600s", "30/10s,1000/3600s"),
        (check_zone, "Europe/Paris", "Europe/Paris"),
        (check_zone, " PST ", "PST"),
        (check_zone, "-6:00", "-6:00"),
        (check_public_url, "https://hooks.example.org/", "https://hooks.example.org"),
        (check_public_url, "http://[::1]:8080/x/", "http://[::1]:8080/x"),
        (
            check_address_template,
            "https://{datacenter}.x.com/{alias}",
            "https://{datacenter}.x.com/{alias}",
        ),
        (check_address_template, "http://127.0.0.1:9/octopus/", "http://127.0.0.1:9/octopus"),
        (parse_network, "10.0.0.0/8", ip_network("10.0.0.0/8")),
        (parse_network, "fd00::/8", ip_network("fd00::/8")),
        (parse_network, "127.0.0.1", ip_network("127.0.0.1/32")),
    ],
)
def test_a_good_value_is_taken_in_its_plain_form(
    check: Callable[[str], object], text: str, expected: object
) -> None:
    assert check(text) == expected


@pytest.mark.parametrize(
    ("check", "text", "reason"),
    [
        (check_rate_limit, "0/10s", "CALLS/SECONDSs"),
        (check_rate_limit, "30/0s", "CALLS/SECONDSs"),
        (check_rate_limit, "30/0.0s", "CALLS/SECONDSs"),
        (check_rate_limit, "30 per 10s", "CALLS/SECONDSs"),
        (check_rate_limit, "", "CALLS/SECONDSs"),
        (check_rate_limit, "30/10s,", "CALLS/SECONDSs"),
        (check_zone, "", "must not be empty"),
        (check_zone, "Mars/Olympus", "'Mars/Olympus' is no time zone"),
        (check_public_url, "hooks.example.org", "has to be an address"),
        (check_public_url, "ftp://x", "has to be an address"),
        (check_public_url, "https://x/a b", "has to be an address"),
        (check_public_url, "https://x:99999", "is no address"),
        (check_public_url, "https://x/?a=1", "has to end before"),
        (check_public_url, "https://u:p@x/", "must not hold a user name"),
        (check_address_template, "https://{host}/x", "{host}; known are {alias} and {datacenter}"),
        (check_address_template, "https://{alias/x", "brace without its partner"),
        (check_address_template, "https://{}/x", "unknown placeholder {}"),
        (check_address_template, "{alias}", "has to be an address"),
        (parse_network, "10.0.0.1/8", "has host bits set"),
        (parse_network, "localhost", "has to be a network in CIDR form"),
    ],
)
def test_a_bad_value_is_refused_in_words(
    check: Callable[[str], object], text: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        check(text)
    assert reason in str(caught.value)


@pytest.mark.parametrize("text", ["postgresql://u:p@h:5432/d", "postgres://h1,h2/d"])
def test_a_postgresql_address_is_taken_as_it_is(text: str) -> None:
    assert check_dsn(SecretStr(text)).get_secret_value() == text


@pytest.mark.parametrize("text", ["mysql://h/d", "host=h dbname=d", "postgresql://", ""])
def test_another_address_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^has to look like postgresql://user:password@host"):
        check_dsn(SecretStr(text))


@pytest.mark.parametrize("hosts", ["h:99999", "h:0", "u:p@h:x", "h:5432,i:70000", "[::1]:65536"])
def test_a_port_that_there_is_not_is_refused_instead_of_another_being_asked(hosts: str) -> None:
    with pytest.raises(ValueError, match=r"^has a port that is no number from 1 to 65535$"):
        check_dsn(SecretStr(f"postgresql://{hosts}/d"))


@pytest.mark.parametrize(
    "rest",
    ["h", "u:99999@h/d", "h:5432,i:5433/d", "[::1]/d", "[::1]:5432/d", "/d?host=/x:99999", "h:/d"],
)
def test_what_only_looks_like_a_port_is_none(rest: str) -> None:
    check_dsn(SecretStr(f"postgresql://{rest}"))
