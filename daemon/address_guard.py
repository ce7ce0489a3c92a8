"""PURE: the address guard, which says where calls to foreign addresses may lead (against SSRF)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from daemon.errors import AddressRefused, Fault, InvalidInput

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL_CHARACTERS = 2048
MAX_LABEL_CHARACTERS = 63

# Sources: the IANA special-purpose address registries; the clouds' metadata services that lie
# outside of them (Azure's wire server). Whatever IPv6 has outside 2000::/3 is not global at all.
REFUSED_IPV4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "this host"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared between provider and customer"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud metadata service"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved for protocols"),
        ("192.0.2.0/24", "for documentation"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
REFUSED_IPV6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("64:ff9b:1::/48", "a local translation to IPv4"),
        ("100::/63", "for discarding"),
        ("2001::/23", "reserved for protocols"),
        ("2001:db8::/32", "for documentation"),
        ("2002::/16", "a 6to4 tunnel"),
        ("2620:4f:8000::/48", "reserved for protocols"),
        ("3fff::/20", "for documentation"),
        ("5f00::/16", "for segment routing"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
GLOBAL_IPV6 = IPv6Network("2000::/3")
IPV4_IN_IPV6 = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
"""IPv4 written as IPv6 (mapped, or translated by NAT64) is judged as what it stands for."""

LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
METADATA = (IPv4Address("169.254.169.254"), IPv6Address("fd00:ec2::254"))
METADATA_NAMES = frozenset(
    {
        "instance-data",
        "instance-data.ec2.internal",
        "metadata",
        "metadata.azure.internal",
        "metadata.goog",
        "metadata.google.internal",
        "metadata.platformequinix.com",
        "metadata.tencentyun.com",
    }
)
"""What clouds call the services that give a machine's own credentials to whoever asks from it."""

_PART = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
_CONTROL = re.compile(r"[\x00-\x20\x7f\\]")


class AddressGuard:
    """Refuses everything that is not a public address, except the `allowed` networks.

    A name is judged by `check_url` only where that needs no look-up; what it resolves to is judged
    by `check_address` at each connect, since it can change in between.
    """

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def check_url(self, url: str, *, field: str = "url") -> None:
        """Whether a URL from outside may be called at all, as far as its text tells.

        Raises InvalidInput naming `field` (not http or https, credentials in it, no host) and
        AddressRefused (a literal address, in any spelling, or a name that stands for one, that is
        not public).
        """
        self.check_host(_parse_url(url, field).hostname or "")

    def check_host(self, host: str) -> None:
        """The same for a host alone; names pass unless everybody knows where they lead.

        Raises AddressRefused.
        """
        name = _as_looked_up(host)
        for kind, known, addresses in (
            ("loopback", name == "localhost" or name.endswith(".localhost"), LOOPBACK),
            ("a cloud metadata service", name in METADATA_NAMES, METADATA),
        ):
            if known and not any(self._is_allowed(address) for address in addresses):
                raise _refusal(host, kind)
        address = parse_literal(name)
        if address is not None:
            self.check_address(address, shown_as=host)

    def check_address(self, address: Address, *, shown_as: str | None = None) -> None:
        """Whether a connection to this address may be opened. Raises AddressRefused."""
        meant = _stands_for(address)
        if self._is_allowed(address) or self._is_allowed(meant):
            return
        kind = _refused_kind(meant)
        if kind is not None:
            raise _refusal(shown_as or str(address), kind)

    def _is_allowed(self, address: Address) -> bool:
        return any(address in network for network in self._allowed)


def _as_looked_up(host: str) -> str:
    """The host without what name look-up would see through: casing, wide digits, other dots."""
    return unicodedata.normalize("NFKC", host).replace("\u3002", ".").rstrip(".").casefold()


def parse_literal(host: str) -> Address | None:
    """The address a host literal means to a C library, None for a name.

    Besides the usual forms: one to four parts, each decimal, octal or hexadecimal, the last one
    filling what is left (`127.1`, `0x7f000001`, `0177.0.0.1`), and IPv6 with a zone.
    """
    text = host.strip("[]").partition("%")[0]
    try:
        return ip_address(text)
    except ValueError:
        return _parse_numbers(text)


def _parse_numbers(text: str) -> IPv4Address | None:
    parts = text.rstrip(".").split(".")
    if len(parts) > 4 or not all(_PART.fullmatch(part) for part in parts):
        return None
    try:
        *heads, tail = [_number(part) for part in parts]
    except ValueError:
        return None
    if any(head > 255 for head in heads) or tail >= 256 ** (4 - len(heads)):
        return None
    value = tail
    for position, head in enumerate(heads):
        value += head << (24 - 8 * position)
    return IPv4Address(value)


def _number(part: str) -> int:
    if part[:2] in ("0x", "0X"):
        return int(part[2:] or "0", 16)
    return int(part, 8) if part.startswith("0") else int(part)


def _stands_for(address: Address) -> Address:
    if isinstance(address, IPv6Address) and any(address in network for network in IPV4_IN_IPV6):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _refused_kind(address: Address) -> str | None:
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in REFUSED_IPV4 if address in network), None)
    kind = next((kind for network, kind in REFUSED_IPV6 if address in network), None)
    return kind or (None if address in GLOBAL_IPV6 else "not a public address")


def _parse_url(url: str, field: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _fault(field, f"is not a URL: {error}") from error
    reason = None
    if len(url) > MAX_URL_CHARACTERS:
        reason = f"is longer than {MAX_URL_CHARACTERS} characters"
    elif _CONTROL.search(url):
        reason = "holds a space, a backslash or a control character"
    elif parts.scheme not in ("http", "https"):
        reason = "must begin with http:// or https://"
    elif parts.username is not None or parts.password is not None:
        reason = "must not hold a user name or password"
    elif port == 0:
        reason = "names port 0"
    else:
        reason = _why_no_host(parts.hostname or "")
    if reason is not None:
        raise _fault(field, reason)
    return parts


def _why_no_host(host: str) -> str | None:
    """Why nothing can be found under a host, or None."""
    if not host:
        return "names no host"
    if any(unicodedata.category(character) == "Cf" for character in host):
        return "names a host with an invisible character"
    if ":" in host:
        return None
    if "%" in host:
        return "names a host with a percent sign"
    labels = _as_looked_up(host).split(".")
    if not all(1 <= len(label) <= MAX_LABEL_CHARACTERS for label in labels):
        return f"names a host with a part that is empty or longer than {MAX_LABEL_CHARACTERS}"
    return None


def _fault(field: str, reason: str) -> InvalidInput:
    return InvalidInput([Fault(field=field, message=f"the URL {reason}")])


def _refusal(shown_as: str, kind: str) -> AddressRefused:
    return AddressRefused(
        f"{shown_as} is not a public address ({kind}); it may be reached only if"
        " security.allowed_private_networks holds its network"
    )
