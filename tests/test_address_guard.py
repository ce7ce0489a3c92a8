from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.address_guard import AddressGuard, parse_literal
from daemon.errors import AddressRefused, InvalidInput

GUARD = AddressGuard()

NOT_PUBLIC = (
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.1.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1:a9fe:a9:fe00::",
    "64:ff9b:1::1",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:20::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "4000::1",
)
PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "168.63.129.17",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
)


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused(text: str) -> None:
    with pytest.raises(AddressRefused, match=r"security\.allowed_private_networks"):
        GUARD.check_address(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_passes(text: str) -> None:
    GUARD.check_address(ip_address(text))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0X7F.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "127.0.0x1",
        "0x7F.0X0.0.0x01",
        "00000177.0.0.1",
        "0251.0376.0251.0376",
        "0xa9fea9fe",
        "2852039166",
        "169.254.43518",
        "169.254.169.254.",
        "10.1",
        "0xA.1",
        "012.1",
        "192.168.257",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::169.254.169.254]",
        "[2002:a9fe:a9fe::]",
        "[fd00:ec2::254]",
        "[fe80::1%25eth0]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "api.localhost",
        "metadata.google.internal",
        "Metadata.Google.Internal.",
        "metadata",
        "metadata.goog",
        "instance-data",
        "instance-data.ec2.internal",
        "metadata.azure.internal",
        "①②⑦.⓪.⓪.①",
        "１２７.0.0.1",
        "127。0。0。1",
        "0",
        "0x",
    ],
)
def test_a_private_address_is_refused_in_every_spelling_a_resolver_understands(host: str) -> None:
    with pytest.raises(AddressRefused, match="not a public address"):
        GUARD.check_url(f"http://{host}/hook")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?x=1#y",
        "http://example.com:8080",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]:8443/",
        "https://127.0.0.1.example.com/",
        "https://1.2.3.4.5/",
        "https://256.256.256.256/",
        "https://0x7f.example/",
        "https://09.1.1.1/",
        "https://notlocalhost/",
        "https://metadata.example/",
        "https://my-instance-data/",
    ],
)
def test_what_needs_a_look_up_or_is_public_passes_by_its_text(url: str) -> None:
    GUARD.check_url(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.com/", "http"),
        ("file:///etc/passwd", "http"),
        ("example.com/hook", "http"),
        ("", "http"),
        ("https://user@example.com/", "user name"),
        ("https://user:secret@example.com/", "password"),
        ("https://", "no host"),
        ("https://10.0.0\u00ad.1/", "invisible"),
        ("https://169.254.169.254\u2060/", "invisible"),
        ("https://%31%30.0.0.1/", "percent"),
        ("https://example..com/", "empty"),
        ("https://" + "a" * 64 + ".com/", "longer than 63"),
        ("https:///path", "no host"),
        ("https://example.com:0/", "port 0"),
        ("https://example.com:99999/", "not a URL"),
        ("https://example.com:x/", "not a URL"),
        ("https://[::1/", "not a URL"),
        ("https://example.com\\@127.0.0.1/", "backslash"),
        ("https://exa mple.com/", "space"),
        ("https://example.com/\r\nHost: x", "control"),
        ("https://example.com/" + "a" * 2048, "longer"),
    ],
)
def test_a_url_that_cannot_be_called_is_invalid_input_naming_the_field(
    url: str, reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason) as raised:
        GUARD.check_url(url, field="event.notification.callback.url")
    assert [fault.field for fault in raised.value.faults] == ["event.notification.callback.url"]


def test_an_invalid_url_is_not_repeated_with_its_password() -> None:
    with pytest.raises(InvalidInput) as raised:
        GUARD.check_url("https://user:secret@example.com/")
    assert "secret" not in str(raised.value)


def test_an_allowed_network_passes_and_its_neighbour_does_not() -> None:
    guard = AddressGuard([IPv4Network("10.1.0.0/16"), IPv6Network("fd00::/64")])
    guard.check_url("http://10.1.2.3/")
    guard.check_url("http://[fd00::1]/")
    guard.check_address(IPv6Address("::ffff:10.1.2.3"))
    with pytest.raises(AddressRefused):
        guard.check_url("http://10.2.0.1/")
    with pytest.raises(AddressRefused):
        guard.check_url("http://[fd00:0:0:1::1]/")


@pytest.mark.parametrize(
    ("network", "host"),
    [("127.0.0.0/8", "localhost:8080"), ("169.254.169.254/32", "metadata.google.internal")],
)
def test_a_name_passes_where_the_network_it_stands_for_is_allowed(network: str, host: str) -> None:
    AddressGuard([IPv4Network(network)]).check_url(f"http://{host}/")
    with pytest.raises(AddressRefused):
        AddressGuard([IPv4Network("10.0.0.0/8")]).check_url(f"http://{host}/")


@given(st.integers(min_value=0, max_value=2**32 - 1), st.data())
def test_any_classic_spelling_of_an_ipv4_address_means_that_address(
    value: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(min_value=1, max_value=4))
    heads = [(value >> (24 - 8 * position)) & 255 for position in range(count - 1)]
    tail = value & (256 ** (5 - count) - 1)
    spellings = st.sampled_from(("{:d}", "0x{:x}", "0X{:X}", "0{:o}"))
    text = ".".join(data.draw(spellings).format(part) for part in (*heads, tail))
    assert parse_literal(text) == IPv4Address(value)


@given(st.ip_addresses())
def test_an_address_is_judged_alike_as_number_and_as_url(
    address: IPv4Address | IPv6Address,
) -> None:
    host = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
    assert _passes(address) == _passes(f"https://{host}/")


def _passes(candidate: IPv4Address | IPv6Address | str) -> bool:
    try:
        if isinstance(candidate, str):
            GUARD.check_url(candidate)
        else:
            GUARD.check_address(candidate)
    except AddressRefused:
        return False
    return True
