"""The journal: the last calls the stand-in was asked, and what became of them."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from daemon.sandbox.faults import CrmFault
from daemon.sandbox.profile import Profile
from daemon.sandbox.switchboard import Switchboard

FaultT = TypeVar("FaultT", bound=CrmFault)
KEPT = 50_000


@dataclass(slots=True, kw_only=True)
class Call:
    """One call on its way: what it is called in faults, and what the journal will say of it.

    `names` are those by which a fault's `call` can mean it (`read`; `token` and `token.refresh`);
    `objects` the lower-case objects and resources it is about. `refusal_form` is how a fault wants
    its good token refused.
    """

    names: frozenset[str]
    objects: frozenset[str] = frozenset()
    alias: str = ""
    page_size: int | None = None
    rows: int | None = None
    struck: list[str] = field(default_factory=list)
    refusal_form: str | None = None
    asked: Any = None

    def is_over(self, page_size: int | None) -> bool:
        """Whether it asks for a larger page, if there is a size that it has to be over."""
        return page_size is None or (self.page_size or 0) > page_size

    def strike(
        self,
        switches: Switchboard[Profile],
        kind: type[FaultT],
        wanted: Callable[[FaultT], bool] = lambda _: True,
        objects: frozenset[str] | None = None,
    ) -> FaultT | None:
        """The fault of that kind which strikes this call, or its part about these objects."""
        about = self.objects if objects is None else objects
        fault = switches.strike(
            kind, lambda each: each.concerns(self.names, about) and wanted(each)
        )
        if fault is not None:
            self.struck.append(kind.__name__)
        return fault


class Journal:
    """Keeps the newest calls, numbered from 1."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._count = 0

    def note(self, call: Call, at: str, path: str, status: int) -> None:
        """Writes down a call that has been answered."""
        self._count += 1
        self._entries.append(
            {
                "number": self._count,
                "at": at,
                "path": path,
                "call": sorted(call.names),
                "objects": sorted(call.objects),
                "alias": call.alias,
                "status": status,
                "rows": call.rows,
                "faults": call.struck,
                "asked": call.asked,
            }
        )

    @property
    def count(self) -> int:
        """How many calls were answered so far."""
        return self._count

    def after(self, number: int) -> list[dict[str, Any]]:
        """The calls noted after that number."""
        newest = [*islice(reversed(self._entries), max(self._count - number, 0))]
        return newest[::-1]
