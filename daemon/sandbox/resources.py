"""Resources: the names people use for records, as in `contacts/3`."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """An object, or one type of address book entry."""

    name: str
    object_name: str
    entry_type: str | None = None


def find_resource(name: str) -> Resource | None:
    """The resource of that name in any casing; an object's name stands for all its records."""
    wanted = name.lower()
    if wanted in RESOURCES:
        return RESOURCES[wanted]
    for resource in RESOURCES.values():
        if resource.object_name.lower() == wanted and resource.entry_type is None:
            return resource
    return None


def resource_of(object_name: str, entry_type: object) -> str:
    """The most particular resource that a record belongs to."""
    for resource in RESOURCES.values():
        if resource.object_name == object_name and resource.entry_type in (None, entry_type):
            return resource.name
    raise LookupError(f"no resource holds {object_name} records")


# The most particular first: a contact is `contacts/3`, although it is an address book entry too.
RESOURCES: Mapping[str, Resource] = MappingProxyType(
    {
        name: Resource(name=name, object_name=object_name, entry_type=entry_type)
        for name, object_name, entry_type in (
            ("contacts", "AbEntry", "Contact"),
            ("companies", "AbEntry", "Company"),
            ("individuals", "AbEntry", "Individual"),
            ("addressbook-entries", "AbEntry", None),
            ("opportunities", "Opportunity", None),
            ("leads", "Lead", None),
            ("cases", "Case", None),
            ("campaigns", "Campaign", None),
            ("appointments", "Appointment", None),
            ("tasks", "Task", None),
            ("notes", "Note", None),
            ("documents", "Document", None),
            ("addresses", "Address", None),
            ("custom-records", "Custom", None),
        )
    }
)
