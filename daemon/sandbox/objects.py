"""Object types: the nouns in which the stand-in's catalogue is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What a field holds; the value is its type name in a schema read."""

    TEXT = "StringField"
    NUMBER = "NumericField"
    FLAG = "BooleanField"
    INSTANT = "DateTimeField"
    KEY = "KeyField"
    USER = "UserField"
    LIST = "ListField"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field; `name` is the path, with a slash inside a composite (`Phone1/Number`)."""

    name: str
    kind: Kind = Kind.TEXT
    queryable: bool = True
    sortable: bool = True
    assignable: bool = True
    mandatory: bool = False
    needs_sql_driver: bool = False
    display: Mapping[object, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType:
    """One Octopus object: its fields by lower-case path, and how its keys look.

    `searcher` names its SQL driver; `key_kind` is what its keys begin with; `numbered` keys end
    in a number, `owned` ones in a user's name as well.
    """

    name: str
    fields: Mapping[str, Field]
    searcher: str
    key_kind: str
    entity_type: int
    id_suffix: str = ""
    numbered: bool = True
    owned: bool = False

    def find(self, path: str) -> Field | None:
        """The field of that name in any casing; any `Udf/...` is a text field."""
        found = self.fields.get(path.lower())
        if found is None and path.lower().startswith("udf/"):
            return Field(name=path)
        return found

    def parts_of(self, composite: str) -> list[Field]:
        """The fields inside a composite such as `Address`, in order; empty if it is none."""
        start = composite.lower() + "/"
        return [each for path, each in self.fields.items() if path.startswith(start)]
