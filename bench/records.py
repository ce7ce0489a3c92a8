"""PURE: address book entries of 2 KB as Octopus answers them, in as many versions as wanted."""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

RECORD_BYTES = 2000
VERSION_DIGITS = 8
CREATED = "2019-03-04T05:06:07Z"

_VERSION = "v" * VERSION_DIGITS
_STAMP = "s" * len(CREATED)
_WORDS = ("northern", "account", "logistics", "harbour", "customer", "engineering", "support")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One object's record without its version and its stamp."""

    before: bytes
    between: bytes
    after: bytes

    def row(self, version: int, stamp: datetime) -> bytes:
        """The record as JSON."""
        told = b"%0*d" % (VERSION_DIGITS, version)
        return b"".join((self.before, told, self.between, stamp_text(stamp).encode(), self.after))


def stamp_text(stamp: datetime) -> str:
    """A stamp as Octopus writes it: UTC in whole seconds."""
    return f"{stamp.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def version_of(position: str) -> int:
    """The version in a record's `Position`."""
    return int(position[-VERSION_DIGITS:])


def make_template(lane: int, number: int) -> Template:
    """The record of one object of one lane; the same every time."""
    chance = random.Random(f"{lane}/{number}")
    record = _record(chance, lane, number)
    filling = " ".join(chance.choices(_WORDS, k=RECORD_BYTES // 5))
    record["Address"]["AddressLine2"] = filling[: RECORD_BYTES - len(orjson.dumps(record))]
    before, _, rest = orjson.dumps(record).partition(_VERSION.encode())
    between, _, after = rest.partition(_STAMP.encode())
    return Template(before=before, between=between, after=after)


def object_id(lane: int, number: int) -> str:
    """The key of an object."""
    return _key("Contact", lane, number)


def _record(chance: random.Random, lane: int, number: int) -> dict[str, Any]:
    def words(count: int) -> str:
        return " ".join(chance.choices(_WORDS, k=count))

    name = chance.choice(_WORDS).title()
    return {
        "Key": _key("Contact", lane, number),
        "Type": "Contact",
        "ParentKey": _key("Company", lane, number // 7),
        "CompanyName": words(3).title(),
        "FirstName": chance.choice(_WORDS).title(),
        "MiddleName": None,
        "LastName": name,
        "FullName": f"{name}, {words(1)}",
        "MrMs": "Ms.",
        "Salutation": f"Dear {name}",
        "Position": f"Head of {words(4)} {_VERSION}",
        "Department": words(6),
        "Division": words(6),
        "WebSite": f"https://www.example.com/{words(4).replace(' ', '/')}",
        "CreationDate": CREATED,
        "Creator": _key("User", 0, 1),
        "LastModifyDate": _STAMP,
        "ModifiedBy": _key("User", 0, 2),
        **_parts(chance, words(8)),
    }


def _parts(chance: random.Random, text: str) -> dict[str, Any]:
    return {
        "Phone1": _phone(chance, "Main line"),
        "Phone2": _phone(chance, "Mobile"),
        "Email1": {"Address": f"{text.replace(' ', '.')}@example.com", "Description": "Work"},
        "Email2": {"Address": None, "Description": None},
        "Address": {
            "AddressLine1": f"{chance.randrange(1, 9999)} {text} Street",
            "AddressLine2": "",
            "City": "North Vancouver",
            "StateProvince": "British Columbia",
            "ZipCode": "V7M 1A5",
            "Country": "Canada",
        },
    }


def _phone(chance: random.Random, description: str) -> dict[str, str]:
    number = f"+1 604 555 {chance.randrange(10000):04d}"
    return {"Number": number, "Extension": str(chance.randrange(999)), "Description": description}


def _key(kind: str, lane: int, number: int) -> str:
    text = f"{kind}\t2401{lane:04d}{number:010d}\t0"
    return base64.b64encode(text.encode()).decode()
