"""The first account: its secrets are told in a private file before they are stored."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from daemon.errors import Fault, InvalidInput
from daemon.store.private_file import create_private_file

FIRST_USERNAME = "admin"
CREDENTIALS_FILE = "credentials.json"
NAMES: Mapping[str, str] = {
    "username": "username",
    "password": "password",
    "user_secret": "userSecret",
    "organization_secret": "organizationSecret",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a new user is told once: it is stored only sealed or as a digest."""

    username: str
    password: str = field(repr=False)
    user_secret: str = field(repr=False)
    organization_secret: str = field(repr=False)

    def as_json(self) -> dict[str, str]:
        """Under the names of the platform API."""
        return {name: getattr(self, attribute) for attribute, name in NAMES.items()}


def tell_first_account(data_dir: Path) -> tuple[Path, Credentials]:
    """Where the secrets are told, and what they are: those of the file if there is one already.

    Raises InvalidInput if that file says something else.
    """
    path = data_dir / CREDENTIALS_FILE
    told = invent_credentials(FIRST_USERNAME, new_secret())
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    created = create_private_file(path, orjson.dumps(told.as_json(), option=options))
    return path, told if created else _read(path)


def invent_credentials(username: str, organization_secret: str) -> Credentials:
    """A new password and user secret."""
    return Credentials(
        username=username,
        password=secrets.token_urlsafe(18),
        user_secret=new_secret(),
        organization_secret=organization_secret,
    )


def new_secret() -> str:
    """32 random bytes as URL-safe text."""
    return secrets.token_urlsafe(32)


def _read(path: Path) -> Credentials:
    try:
        content: Mapping[str, Any] = orjson.loads(path.read_bytes())
        return Credentials(**{attribute: _text(content[name]) for attribute, name in NAMES.items()})
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = (
            f"{path} should hold the texts {', '.join(NAMES.values())} of an account that is not"
            " in the database yet, and does not; remove the file to get a new account"
        )
        raise InvalidInput([Fault(field="data_dir", message=message)]) from error


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a text")
    return value
