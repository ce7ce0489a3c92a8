"""The catalogue: every pitfall with the scenario that leads into it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench.pitfalls.scene import Scene

Scenario = Callable[[Scene], Awaitable[None]]


def the_present() -> datetime:
    """The usual time at a CRM."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pitfall:
    """One way to lose or repeat a change.

    `profile` is how its CRM behaves all the time, and `begins_at` what its clock shows. Scenarios
    `apart` kill the contender or have it renew its tokens, and take turns with one of their own.
    `note` says what is not quite the pitfall as it is known elsewhere.
    """

    number: int
    name: str
    scenario: Scenario
    profile: Mapping[str, Any] = field(default_factory=dict)
    begins_at: Callable[[], datetime] = the_present
    page_size: int = 10
    deletes: bool = False
    looks_back: bool = False
    undated: bool = False
    apart: bool = False
    note: str = ""

    @property
    def title(self) -> str:
        """As the table shows it."""
        return f"{self.number} {self.name}"

    @property
    def slug(self) -> str:
        """As it goes into names of files."""
        return self.title.replace(" ", "-").replace(",", "")


PITFALLS: dict[str, Pitfall] = {}
"""By title; a number may have several scenarios."""


def in_order() -> Sequence[Pitfall]:
    """All of them by number and name."""
    return sorted(PITFALLS.values(), key=lambda each: (each.number, each.name))


def pitfall(number: int, name: str, **more: Any) -> Callable[[Scenario], Scenario]:
    """Enters a scenario into the catalogue."""

    def enter(scenario: Scenario) -> Scenario:
        entered = Pitfall(number=number, name=name, scenario=scenario, **more)
        PITFALLS[entered.title] = entered
        return scenario

    return enter
