"""The kinds of values that settings have: what each must look like, said in words."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from string import Formatter
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from daemon.connectors.rate_windows import parse_rate_limit
from daemon.polling.zones import UnknownZone, parse_zone

PLACEHOLDERS = frozenset({"datacenter", "alias"})


def not_boolean(value: object) -> object:
    """Numbers only: Python would take `true` for 1."""
    if isinstance(value, bool):
        raise ValueError(f"has to be a number, not {str(value).lower()}")
    return value


def lowered(value: object) -> object:
    """Words of a choice in any case."""
    return value.strip().lower() if isinstance(value, str) else value


def expand_home(path: Path) -> Path:
    """A path in which a leading `~` became the home folder."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"{path} names a home folder that does not exist") from error


def check_dsn(dsn: SecretStr) -> SecretStr:
    """A PostgreSQL address; what is wrong with it is said without repeating it."""
    scheme, separator, rest = dsn.get_secret_value().partition("://")
    if scheme not in ("postgresql", "postgres") or not separator or not rest:
        raise ValueError("has to look like postgresql://user:password@host:5432/name")
    hosts = re.split(r"[/?]", rest, maxsplit=1)[0].rpartition("@")[2]
    for port in re.findall(r":([^:\],]*)(?=,|$)", hosts):
        if port and not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError("has a port that is no number from 1 to 65535")
    return dsn


def check_public_url(url: str) -> str:
    """An http address without query and fragment; a closing slash is dropped."""
    parts = _check_address(url)
    if parts.query or parts.fragment:
        raise ValueError("has to end before any '?' or '#'")
    return url.rstrip("/")


def check_address_template(template: str) -> str:
    """An http address in which parts may be left to the instance."""
    try:
        names = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise ValueError(f"has a brace without its partner: {error}") from error
    if unknown := names - PLACEHOLDERS:
        raise ValueError(
            f"has the unknown placeholder {{{min(unknown)}}}; known are "
            + " and ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
        )
    _check_address(template.format_map(dict.fromkeys(PLACEHOLDERS, "x")))
    return template.rstrip("/")


def parse_network(value: object) -> IPv4Network | IPv6Network:
    """A network in CIDR form."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return ip_network(str(value))
    except ValueError as error:
        raise ValueError(f"has to be a network in CIDR form (10.1.0.0/16): {error}") from error


def check_rate_limit(text: str) -> str:
    """Calls per seconds, as `30/10s`, or several such limits separated by commas."""
    parse_rate_limit(text)
    return text.strip()


def check_zone(text: str) -> str:
    """A time zone."""
    if not text.strip():
        raise ValueError("must not be empty")
    try:
        parse_zone(text)
    except UnknownZone as error:
        raise ValueError(str(error)) from error
    return text.strip()


def _check_address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        complete = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(f"is no address: {error}") from error
    if not complete or re.search(r"[\s\x00-\x1f]", url):
        raise ValueError("has to be an address as https://host/path")
    if parts.username is not None:
        raise ValueError("must not hold a user name or password")
    return parts
