"""The catalogue: every object the stand-in offers, with its fields."""

from collections.abc import Mapping
from types import MappingProxyType

from daemon.sandbox.objects import Field, Kind, ObjectType


def find_object(name: str) -> ObjectType | None:
    """The object of that name in any casing."""
    return OBJECTS.get(name.lower())


def _texts(names: str) -> list[Field]:
    return [Field(name=name) for name in names.split()]


def _fields(names: str, kind: Kind) -> list[Field]:
    return [Field(name=name, kind=kind, sortable=kind is not Kind.LIST) for name in names.split()]


def _composites(names: str, parts: str) -> list[Field]:
    return [Field(name=f"{name}/{part}") for name in names.split() for part in parts.split()]


def _named(*fields: Field) -> Mapping[str, Field]:
    """Fields by lower-case name, behind the two which every object has."""
    every = (
        Field(name="Key", kind=Kind.KEY, assignable=False),
        Field(name="DisplayValue", queryable=False, sortable=False, assignable=False),
        *fields,
    )
    return MappingProxyType({each.name.lower(): each for each in every})


_CREATED = (
    Field(name="CreationDate", kind=Kind.INSTANT),
    Field(name="Creator", kind=Kind.USER),
)
_SYSTEM = (
    *_CREATED,
    Field(name="LastModifyDate", kind=Kind.INSTANT),
    Field(name="ModifiedBy", kind=Kind.USER),
)
_PERSON = "CompanyName FirstName MiddleName LastName MrMs Salutation Position"
_PHONE = "Number Extension Description"
_EMAIL = "Address Description"
_PLACE = "AddressLine1 AddressLine2 City StateProvince ZipCode Country Description"
_STATUS: Mapping[object, str] = MappingProxyType(
    {2: "In Progress", 3: "Won", 4: "Lost", 5: "Abandoned"}
)

_TYPES = (
    ObjectType(
        name="AbEntry",
        fields=_named(
            Field(name="Type", mandatory=True),
            *_fields("ParentKey TerritoryKey", Kind.KEY),
            *_texts(_PERSON + " Department Division WebSite"),
            Field(name="FullName", assignable=False),
            *_composites("Phone1 Phone2 Phone3 Phone4", _PHONE),
            *_composites("Email1 Email2 Email3", _EMAIL),
            *_composites("Address", _PLACE),
            *_fields("AccountManager", Kind.USER),
            *_fields("Category", Kind.LIST),
            *_fields("LastContactDate", Kind.INSTANT),
            *_SYSTEM,
        ),
        searcher="AbEntrySearcher",
        key_kind="AbEntry",
        entity_type=1,
        id_suffix="C",
    ),
    ObjectType(
        name="Opportunity",
        fields=_named(
            *_fields("AbEntryKey ContactKey", Kind.KEY),
            Field(name="Objective", mandatory=True),
            *_texts("Description NextAction"),
            Field(name="Status", kind=Kind.NUMBER, display=_STATUS),
            *_fields("Cost ForecastRevenue ActualRevenue CorporateRevenue", Kind.NUMBER),
            *_fields("StartDate CloseDate", Kind.INSTANT),
            *_fields("Leader", Kind.USER),
            *_fields("Category Product", Kind.LIST),
            *_SYSTEM,
        ),
        searcher="OpportunitySearcher",
        key_kind="Opportunity",
        entity_type=2,
        id_suffix="O",
    ),
    ObjectType(
        name="Lead",
        fields=_named(
            *_texts(_PERSON + " FullName WebSite SourceUrl"),
            *_composites("Email", _EMAIL),
            *_composites("Phone1 Phone2", _PHONE),
            *_composites("Address", _PLACE),
            *_fields("Status NoEmployees", Kind.NUMBER),
            *_fields("AbEntryKey OpportunityKey", Kind.KEY),
            *_fields("AssignedTo", Kind.USER),
            *_SYSTEM,
        ),
        searcher="LeadSearcher",
        key_kind="Lead",
        entity_type=19,
        id_suffix="LE",
    ),
    ObjectType(
        name="Case",
        fields=_named(
            Field(name="Subject", mandatory=True),
            *_texts("Description CaseNumber Priority Severity Status"),
            *_fields("AbEntryKey ContactKey", Kind.KEY),
            *_fields("FollowUpDate ResolvedDate", Kind.INSTANT),
            *_fields("AssignedTo Owner", Kind.USER),
            *_SYSTEM,
        ),
        searcher="CaseSearcher",
        key_kind="CSCase",
        entity_type=5,
        id_suffix="S",
    ),
    ObjectType(
        name="Campaign",
        fields=_named(
            Field(name="Name", mandatory=True),
            *_texts("Description Status Type"),
            *_fields("Cost ForecastRevenue ActualRevenue", Kind.NUMBER),
            *_fields("StartDate EndDate", Kind.INSTANT),
            *_SYSTEM,
        ),
        searcher="CampaignSearcher",
        key_kind="Campaign",
        entity_type=3,
        id_suffix="M",
    ),
    ObjectType(
        name="Appointment",
        fields=_named(
            Field(name="Subject", mandatory=True),
            *_texts("Description Priority Location/Name"),
            *_fields("StartDate EndDate", Kind.INSTANT),
            *_fields("Private", Kind.FLAG),
            *_fields("Organizer", Kind.USER),
            *_SYSTEM,
        ),
        searcher="ApptSearcher",
        key_kind="Appointment",
        entity_type=10,
        id_suffix="P",
        owned=True,
    ),
    ObjectType(
        name="Task",
        fields=_named(
            Field(name="Activity", mandatory=True),
            *_texts("Priority Status"),
            Field(name="DateTime", kind=Kind.INSTANT, needs_sql_driver=True),
            *_fields("Completed", Kind.FLAG),
            *_fields("AbEntryKey", Kind.KEY),
            *_fields("AssignedTo", Kind.USER),
            *_CREATED,
        ),
        searcher="TaskSearcher",
        key_kind="Task",
        entity_type=11,
        id_suffix="T",
    ),
    ObjectType(
        name="Note",
        fields=_named(
            Field(name="Text", mandatory=True, sortable=False),
            Field(name="RichText", sortable=False),
            Field(name="DateTime", kind=Kind.INSTANT, needs_sql_driver=True),
            *_fields("Important", Kind.FLAG),
            *_fields("ParentKey", Kind.KEY),
            *_fields("Creator", Kind.USER),
        ),
        searcher="NoteSearcher",
        key_kind="Note",
        entity_type=12,
        numbered=False,
    ),
    ObjectType(
        name="Document",
        fields=_named(
            Field(name="Name", mandatory=True),
            *_texts("Description Ext Type"),
            *_fields("Size", Kind.NUMBER),
            *_fields("DateTime", Kind.INSTANT),
            *_fields("ParentKey", Kind.KEY),
            *_fields("Creator", Kind.USER),
        ),
        searcher="DocumentSearcher",
        key_kind="Document",
        entity_type=13,
        numbered=False,
    ),
    ObjectType(
        name="Address",
        fields=_named(
            *_texts(_PLACE),
            Field(name="ParentKey", kind=Kind.KEY, mandatory=True),
            *_fields("Default", Kind.FLAG),
            *_SYSTEM,
        ),
        searcher="AddressSearcher",
        key_kind="Address",
        entity_type=14,
        id_suffix="C",
    ),
    ObjectType(
        name="Custom",
        fields=_named(
            Field(name="Name", mandatory=True), *_texts("Description ApplicationId"), *_SYSTEM
        ),
        searcher="CustomSearcher",
        key_kind="Custom",
        entity_type=100,
        id_suffix="X",
    ),
)

OBJECTS: Mapping[str, ObjectType] = MappingProxyType({each.name.lower(): each for each in _TYPES})
