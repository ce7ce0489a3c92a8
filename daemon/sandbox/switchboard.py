"""The switchboard: which faults are on, how often each still strikes, and the profile."""

import random
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from daemon.sandbox.refusals import BadRequest
from daemon.sandbox.typed import build, read

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ProfileT = TypeVar("ProfileT", bound="DataclassInstance")
FaultT = TypeVar("FaultT", bound="Fault")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What every fault has: it passes `skip` matching occasions, then strikes `times` times.

    Absent `times` means for ever; each occasion counts only with `probability`, drawn from `seed`.
    """

    times: int | None = None
    skip: int = 0
    probability: float = 1
    seed: int = 0


class Switchboard(Generic[ProfileT]):
    """Faults by name and one profile, read and changed as one flat JSON object.

    `{"page_key": "none", "late": {"seconds": 3, "times": 2}, "status": [{...}, {...}]}`
    """

    def __init__(self, kinds: Mapping[str, type[Fault]], profile: ProfileT) -> None:
        self._kinds = kinds
        self._defaults = profile
        self._profile = profile
        self._armed: dict[str, list[_Armed]] = {}

    @property
    def profile(self) -> ProfileT:
        return self._profile

    def strike(self, kind: type[FaultT], wanted: Callable[[FaultT], bool]) -> FaultT | None:
        """The first fault of that kind which concerns this occasion and strikes, counted."""
        for armed in self._of(kind):
            fault = armed.fault
            if isinstance(fault, kind) and wanted(fault) and armed.strikes():
                return fault
        return None

    def put(self, given: Mapping[str, Any]) -> None:
        """Replaces everything: what is not named is off or at its default."""
        profile, armed = self._read(self._defaults, given)
        self._profile, self._armed = profile, armed

    def patch(self, given: Mapping[str, Any]) -> None:
        """Changes what is named; null switches a fault off."""
        profile, armed = self._read(self._profile, given)
        self._profile = profile
        self._armed = {name: each for name, each in (self._armed | armed).items() if each}

    def as_json(self) -> dict[str, Any]:
        """The form `put` takes, with `hits` beside it: how often each fault has struck."""
        faults = {name: [asdict(each.fault) for each in some] for name, some in self._armed.items()}
        hits = {name: [each.hits for each in some] for name, some in self._armed.items()}
        return asdict(self._profile) | faults | {"hits": hits}

    def _of(self, kind: type[Fault]) -> list["_Armed"]:
        if not self._armed:
            return []
        return [
            each for name in self._armed if self._kinds[name] is kind for each in self._armed[name]
        ]

    def _read(
        self, profile: ProfileT, given: Mapping[str, Any]
    ) -> tuple[ProfileT, dict[str, list["_Armed"]]]:
        if not isinstance(given, Mapping):
            raise BadRequest("switches: a JSON object is wanted")
        named = {name: value for name, value in given.items() if name in self._kinds}
        others = {
            name: value for name, value in given.items() if name not in named and name != "hits"
        }
        changed = replace(profile, **read(type(profile), others, "switches"))
        return changed, {name: self._arm(name, value) for name, value in named.items()}

    def _arm(self, name: str, value: object) -> list["_Armed"]:
        wanted = [] if value is None else value if isinstance(value, list) else [value]
        return [_Armed(build(self._kinds[name], each, name)) for each in wanted]


class _Armed:
    """One fault with its counters and its own random numbers."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.hits = 0
        self._seen = 0
        self._random = random.Random(fault.seed)

    def strikes(self) -> bool:
        fault = self.fault
        if fault.times is not None and self.hits >= fault.times:
            return False
        if fault.probability < 1 and self._random.random() >= fault.probability:
            return False
        self._seen += 1
        if self._seen <= fault.skip:
            return False
        self.hits += 1
        return True
