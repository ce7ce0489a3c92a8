"""The seed: a few hundred believable records, the same ones for the same number."""

import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from daemon.sandbox.catalogue import OBJECTS
from daemon.sandbox.editor import Editor
from daemon.sandbox.records import Record, Value

T = TypeVar("T")
_YEARS_BACK = timedelta(days=730)
_NEWEST = timedelta(minutes=10)


class Seeds:
    """Plants companies with their contacts, individuals, and what a sales team makes of them."""

    def __init__(self, editor: Editor, now: datetime, seed: int) -> None:
        self._editor = editor
        self._now = now.replace(microsecond=0)
        self._random = random.Random(seed)
        words = Path(__file__).with_name("seed_words.json")
        self._words: dict[str, list[Any]] = json.loads(words.read_text(encoding="utf-8"))

    def plant(self) -> None:
        """Creates all records, their dates spread over the two years before now."""
        companies = [self._company() for _ in range(60)]
        contacts = [self._person("Contact", self._pick(companies)) for _ in range(160)]
        individuals = [self._person("Individual", None) for _ in range(40)]
        entries = companies + contacts + individuals
        for company in self._random.choices(companies, k=80):
            self._opportunity(company)
        for _ in range(25):
            self._lead()
        for entry in self._random.choices(entries, k=30):
            self._case(entry)
        for year in range(6):
            self._campaign(year)
        for entry in self._random.choices(entries, k=30):
            self._activity(entry)
            self._paper(entry)
        for number in range(12):
            self._add("Custom", {"Name": f"Inspection {number + 1}", "ApplicationId": "field"})

    def _company(self) -> Record:
        name = f"{self._word('company_names')} {self._word('company_ends')}"
        site = name.lower().replace(" ", "").replace("&", "and")
        values: dict[str, Value] = {
            "Type": "Company",
            "CompanyName": name,
            "WebSite": f"https://{site}.example",
            "Phone1/Number": self._phone(),
            "Email1/Address": f"info@{site}.example",
            "Category": ["Customer" if self._random.random() < 0.6 else "Prospect"],
        }
        return self._add("AbEntry", values | self._place())

    def _person(self, entry_type: str, company: Record | None) -> Record:
        first, last = self._word("first_names"), self._word("last_names")
        values: dict[str, Value] = {
            "Type": entry_type,
            "FirstName": first,
            "LastName": last,
            "Phone1/Number": self._phone(),
            "Email1/Address": f"{first}.{last}@mail.example".lower(),
        }
        if company is not None:
            values |= {
                "ParentKey": company.key,
                "CompanyName": company.latest.fields["CompanyName"],
                "Position": self._word("positions"),
                "Department": self._word("departments"),
            }
        return self._add("AbEntry", values | self._place())

    def _opportunity(self, company: Record) -> None:
        cost = self._random.randrange(500, 40_000, 250)
        values: dict[str, Value] = {
            "AbEntryKey": company.key,
            "Objective": self._word("objectives"),
            "Description": f"{company.latest.fields['CompanyName']}: {self._word('objectives')}",
            "Status": self._random.choice((2, 2, 2, 3, 4, 5)),
            "Cost": float(cost),
            "ForecastRevenue": cost * self._random.choice((1.2, 1.5, 2.0)),
            "StartDate": self._past(),
            "Leader": "MASTER",
        }
        self._add("Opportunity", values)

    def _lead(self) -> None:
        first, last = self._word("first_names"), self._word("last_names")
        values: dict[str, Value] = {
            "FirstName": first,
            "LastName": last,
            "CompanyName": f"{self._word('company_names')} {self._word('company_ends')}",
            "Email/Address": f"{first}.{last}@lead.example".lower(),
            "Status": 1,
            "NoEmployees": self._random.randrange(2, 400),
        }
        self._add("Lead", values)

    def _case(self, entry: Record) -> None:
        values: dict[str, Value] = {
            "Subject": self._word("subjects"),
            "AbEntryKey": entry.key,
            "CaseNumber": f"CS-{self._random.randrange(10_000, 99_999)}",
            "Priority": self._pick(("Low", "Medium", "High")),
            "Status": self._pick(("Assigned", "Pending", "Resolved")),
        }
        self._add("Case", values)

    def _campaign(self, number: int) -> None:
        season = ("Spring", "Summer", "Autumn", "Winter")[number % 4]
        values: dict[str, Value] = {
            "Name": f"{season} mailing {number + 1}",
            "Status": "Active",
            "Cost": float(self._random.randrange(1000, 9000, 500)),
        }
        self._add("Campaign", values)

    def _activity(self, entry: Record) -> None:
        start = self._past()
        meeting: dict[str, Value] = {
            "Subject": self._word("activities"),
            "StartDate": start,
            "EndDate": start + timedelta(hours=1),
            "Organizer": "MASTER",
        }
        self._add("Appointment", meeting)
        task: dict[str, Value] = {
            "Activity": self._word("activities"),
            "AbEntryKey": entry.key,
            "DateTime": start,
            "Completed": self._random.random() < 0.5,
        }
        self._add("Task", task)

    def _paper(self, entry: Record) -> None:
        note: dict[str, Value] = {"Text": self._word("subjects"), "DateTime": self._past()}
        self._add("Note", note | {"ParentKey": entry.key})
        name = f"{self._word('objectives')}.pdf"
        document: dict[str, Value] = {"Name": name, "Ext": "pdf", "DateTime": self._past()}
        self._add("Document", document | {"ParentKey": entry.key})
        place = {name.removeprefix("Address/"): value for name, value in self._place().items()}
        self._add("Address", place | {"ParentKey": entry.key, "Description": "Second address"})

    def _add(self, object_name: str, values: dict[str, Value]) -> Record:
        object_type = OBJECTS[object_name.lower()]
        created_at = self._past()
        modified_at = created_at
        if self._random.random() < 0.7:
            modified_at += (self._now - _NEWEST - created_at) * self._random.random()
        dates: dict[str, Value] = {
            "CreationDate": created_at,
            "LastModifyDate": modified_at.replace(microsecond=0),
        }
        known = {name: value for name, value in dates.items() if object_type.find(name)}
        return self._editor.create(object_type, values | known)

    def _place(self) -> dict[str, Value]:
        city, state, country = self._word("cities")
        number = self._random.randrange(1, 900)
        return {
            "Address/AddressLine1": f"{number} {self._word('last_names')} Street",
            "Address/City": city,
            "Address/StateProvince": state,
            "Address/Country": country,
        }

    def _phone(self) -> str:
        return f"+1 604 555 {self._random.randrange(100, 200):04d}"

    def _past(self) -> datetime:
        back = timedelta(seconds=self._random.randrange(3600, int(_YEARS_BACK.total_seconds())))
        return self._now - back

    def _word(self, kind: str) -> Any:
        return self._pick(self._words[kind])

    def _pick(self, some: Sequence[T]) -> T:
        return self._random.choice(some)
