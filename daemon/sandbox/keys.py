"""Keys: how Maximizer names a record, as tab-separated text in base64."""

import base64
import binascii
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One record's key.

    `number` is None where the kind has none (`Note\\t3813`); a contact shares `id` with its
    company and differs by `number`; `owner` is the fourth part of an appointment's key.
    """

    kind: str
    id: str
    number: int | None = 0
    owner: str = ""

    def text(self, kind: str | None = None) -> str:
        """The base64 text, with another kind in front if one is given."""
        parts = [kind or self.kind, self.id]
        if self.number is not None:
            parts.append(str(self.number))
        if self.owner:
            parts.append(self.owner)
        return base64.b64encode("\t".join(parts).encode()).decode()


def parse_key(text: str) -> Key | None:
    """The key in a base64 text, None if it is no key."""
    try:
        parts = base64.b64decode(text, validate=True).decode().split("\t")
    except (binascii.Error, ValueError):
        return None
    if not 2 <= len(parts) <= 4 or (len(parts) > 2 and not parts[2].isdigit()):
        return None
    return Key(
        kind=parts[0],
        id=parts[1],
        number=int(parts[2]) if len(parts) > 2 else None,
        owner=parts[3] if len(parts) > 3 else "",
    )


def user_key(uid: str) -> str:
    """The base64 text of a user's key, which has no number."""
    return Key(kind="User", id=uid, number=None).text()
