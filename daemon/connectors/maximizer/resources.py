"""The hub's resources in Maximizer's terms: object, search driver, fields and dates, a row each.

Names and dates are those of Maximizer's own published samples. Tasks have no date of modification.
Documents and notes have but one date, of their own, which people may set to any day: new ones are
soon found by it, everything else by comparing the whole listing. No sample shows the dates of
custom records: that they have the usual ones is checked with each tenant's schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from daemon.connectors.connector import ResourceSpec

KEY = "Key"
CREATED = "CreationDate"
UPDATED = "LastModifyDate"
DATE_FORMAT = "yyyy-MM-dd'T'HH:mm:ssXXX"

COMPATIBILITY: Mapping[str, str] = MappingProxyType({"AbEntryKey": "2.0"})
"""The versions of objects that every call names: with others, the same keys come as other texts."""

Scope = Mapping[str, Any]
"""Fields to read as the service takes them: 1, or for a composite the parts of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One hub resource. `searcher` names the SQL search driver. `updated` and `created` are the
    fields of its dates, None where it has none. `entry_type` narrows address book entries to one
    type. `sorts_by_key` says whether keys can make the order of equal dates certain.
    """

    name: str
    object_name: str
    searcher: str | None
    scope: Scope
    updated: str | None = UPDATED
    created: str | None = CREATED
    entry_type: str | None = None
    default: bool = False
    sorts_by_key: bool = True

    @property
    def spec(self) -> ResourceSpec:
        """The resource as every connector's are told."""
        return ResourceSpec(
            name=self.name,
            id_field=KEY,
            updated_field=self.updated,
            updated_format=DATE_FORMAT,
            created_field=self.created,
            default=self.default,
            fields=tuple(self.scope),
        )

    @property
    def drivers(self) -> Mapping[str, str]:
        """The SQL driver to ask for: without it some conditions are refused, or find nothing."""
        if self.searcher is None:
            return {}
        return {f"I{self.searcher}": f"Maximizer.Model.Access.Sql.{self.searcher}"}

    @property
    def dates(self) -> frozenset[str]:
        """The names of its date fields, in lower case."""
        return frozenset(
            field.casefold()
            for field in self.scope
            if field.endswith("Date") or field == "DateTime"
        )


UNCOMPARED = frozenset({"FullName", UPDATED, "ModifiedBy"})
"""Fields that can differ between readings of an unchanged record, or are compared otherwise: a name
put together for display, and who changed it when."""

_PHONE = "Number Extension Description"
_EMAIL = "Address Description"
_PLACE = "AddressLine1 AddressLine2 City StateProvince ZipCode Country"
_PEOPLE_STAMPS = f"{CREATED} Creator {UPDATED} ModifiedBy"
_PERSON = "CompanyName FirstName MiddleName LastName FullName MrMs Salutation Position"


def _scope(names: str, **composites: str) -> Scope:
    """The fields by name; a composite is named with its parts."""
    simple = dict.fromkeys((KEY, *names.split()), 1)
    return MappingProxyType(
        simple | {name: dict.fromkeys(parts.split(), 1) for name, parts in composites.items()}
    )


_ENTRY = _scope(
    f"Type ParentKey {_PERSON} Department Division WebSite {_PEOPLE_STAMPS}",
    Phone1=_PHONE,
    Phone2=_PHONE,
    Email1=_EMAIL,
    Email2=_EMAIL,
    Address=_PLACE,
)


_ROWS = (
    Resource(
        name="contacts",
        object_name="AbEntry",
        searcher="AbEntrySearcher",
        scope=_ENTRY,
        entry_type="Contact",
        default=True,
    ),
    Resource(
        name="companies",
        object_name="AbEntry",
        searcher="AbEntrySearcher",
        scope=_ENTRY,
        entry_type="Company",
        default=True,
    ),
    Resource(
        name="addressbook-entries",
        object_name="AbEntry",
        searcher="AbEntrySearcher",
        scope=_ENTRY,
        default=True,
    ),
    Resource(
        name="opportunities",
        object_name="Opportunity",
        searcher="OpportunitySearcher",
        scope=_scope(
            "AbEntryKey ContactKey Objective Description NextAction Status Cost ForecastRevenue"
            f" ActualRevenue StartDate CloseDate Leader {_PEOPLE_STAMPS}"
        ),
        default=True,
    ),
    Resource(
        name="leads",
        object_name="Lead",
        searcher="LeadSearcher",
        scope=_scope(
            f"{_PERSON} Email WebSite Status Phone1 Phone2 AbEntryKey OpportunityKey AssignedTo"
            f" SourceUrl NoEmployees {_PEOPLE_STAMPS}",
            Address=_PLACE,
        ),
    ),
    Resource(
        name="cases",
        object_name="Case",
        searcher="CaseSearcher",
        scope=_scope(
            "CaseNumber Subject Description AbEntryKey ContactKey AssignedTo Owner Priority"
            f" Severity Status FollowUpDate ResolvedDate {_PEOPLE_STAMPS}"
        ),
    ),
    Resource(
        name="campaigns",
        object_name="Campaign",
        searcher="CampaignSearcher",
        scope=_scope(
            "Name Description Status Type Cost ForecastRevenue ActualRevenue StartDate EndDate"
            f" {_PEOPLE_STAMPS}"
        ),
    ),
    Resource(
        name="appointments",
        object_name="Appointment",
        searcher="ApptSearcher",
        scope=_scope(
            f"Subject Description Priority StartDate EndDate Private Organizer {_PEOPLE_STAMPS}"
        ),
    ),
    Resource(
        name="tasks",
        object_name="Task",
        searcher="TaskSearcher",
        scope=_scope(
            f"Activity Priority DateTime Completed AbEntryKey AssignedTo {CREATED} Creator"
        ),
        updated=None,
    ),
    Resource(
        name="notes",
        object_name="Note",
        searcher="NoteSearcher",
        scope=_scope("Text RichText DateTime Important ParentKey"),
        updated=None,
        created="DateTime",
    ),
    Resource(
        name="documents",
        object_name="Document",
        searcher="DocumentSearcher",
        scope=_scope("Name Description Ext Type Size DateTime ParentKey"),
        updated=None,
        created="DateTime",
    ),
    Resource(
        name="addresses",
        object_name="Address",
        searcher="AddressSearcher",
        scope=_scope(f"Description {_PLACE} Default ParentKey {CREATED} {UPDATED}"),
    ),
    Resource(
        name="custom-records",
        object_name="Custom",
        searcher=None,
        scope=_scope(f"Name Description ApplicationId {_PEOPLE_STAMPS}"),
    ),
)

RESOURCES: Mapping[str, Resource] = MappingProxyType({row.name: row for row in _ROWS})
"""All hub resources by name, those that are polled by default first."""
