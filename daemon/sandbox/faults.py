"""Fault kinds: each known misbehaviour of a provider, as a switch with its own settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from daemon.sandbox.dates import written
from daemon.sandbox.refusals import BadRequest
from daemon.sandbox.switchboard import Fault

_WRITES = ("create", "update", "delete")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmFault(Fault):
    """A fault of the stand-in: `object` limits it to objects or resources, `call` to calls."""

    object: tuple[str, ...] = ()
    call: tuple[str, ...] = ("read",)

    def concerns(self, calls: frozenset[str], objects: frozenset[str]) -> bool:
        """Whether a call with these names, on these objects and resources, is meant."""
        if "any" not in self.call and calls.isdisjoint(self.call):
            return False
        return not self.object or not objects.isdisjoint(each.lower() for each in self.object)


# What goes wrong when a record is written.


@dataclass(frozen=True, slots=True, kw_only=True)
class Late(CrmFault):
    """The new version becomes visible only so many seconds, or reads of its object, later."""

    call: tuple[str, ...] = _WRITES
    seconds: float = 0
    reads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp(CrmFault):
    """The new version's stamp: this `value`, or the time moved by `offset_seconds`.

    With `hold_seconds`, all edits of that period share the stamp of its first one; with
    `granularity_seconds`, stamps are cut down to a multiple of so many.
    """

    call: tuple[str, ...] = _WRITES
    value: str | None = None
    offset_seconds: float = 0
    hold_seconds: float = 0
    granularity_seconds: int = 1

    def __post_init__(self) -> None:
        if self.value is not None and written(self.value) is None:
            raise BadRequest(f"stamp.value: {self.value!r} is not an instant")
        if self.granularity_seconds < 1:
            raise BadRequest("stamp.granularity_seconds: at least 1 is wanted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Undated(CrmFault):
    """A new record has no modification date until it is edited."""

    call: tuple[str, ...] = ("create",)


@dataclass(frozen=True, slots=True, kw_only=True)
class LostWrite(CrmFault):
    """The write is answered with success and nothing is stored."""

    call: tuple[str, ...] = ("update",)


# What goes wrong in the rows of a read.


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale(CrmFault):
    """A replica answers that is so many seconds behind.

    It takes over whole seconds of writing at once. `over_page_size` limits it to larger pages: what
    is asked for by its key comes from elsewhere then.
    """

    seconds: float = 5
    over_page_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unordered(CrmFault):
    """Rows come in random order: all of them, or only those equal in the sort fields asked for."""

    among: Literal["all", "ties"] = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCap(CrmFault):
    """The whole result silently ends after so many rows."""

    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PageShift(CrmFault):
    """Right after a page is read, records are edited, created or deleted.

    `whom` tells which: of those on the page, of those not on it, or any.
    """

    action: Literal["edit", "create", "delete"] = "edit"
    whom: Literal["served", "unserved", "any"] = "served"
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedPageKey(CrmFault):
    """The key of the next page is the key of this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison(CrmFault):
    """One row of the page cannot be carried: `record` (`contacts/3`), else the page's first.

    `duplicate` sends its previous version too, at the end; `moved` where that was, by default
    for the whole page. `field` is where the values NUL and so on go, by default the first text.
    """

    what: Literal[
        "nul",
        "lone_surrogate",
        "nan",
        "huge_integer",
        "no_key",
        "no_date",
        "bad_date",
        "not_an_object",
        "duplicate",
        "moved",
    ]
    record: str | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden(CrmFault):
    """Records are missing although they exist: `record`, or a `share` of all, always the same."""

    record: str | None = None
    share: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRows(CrmFault):
    """The read succeeds and has no rows."""


# What goes wrong with a whole call.


@dataclass(frozen=True, slots=True, kw_only=True)
class BadToken(CrmFault):
    """A good token is refused, in this form or in the profile's."""

    form: Literal["http_401", "code"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(CrmFault):
    """The answer is this HTTP status; `over_page_size` limits it to larger pages (408)."""

    status: int
    retry_after: float | None = None
    over_page_size: int | None = None
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow(CrmFault):
    """The answer takes so many seconds of real time longer."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(CrmFault):
    """The finished answer waits until `POST /_sandbox/release`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncated(CrmFault):
    """Half the body comes: as a complete HTTP answer, or with the connection broken in it."""

    break_connection: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyAnswer(CrmFault):
    """HTTP 200 without a body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAnswer(CrmFault):
    """HTTP 200 with an error in the body."""

    code: int = -1
    message: str = "An unexpected error occurred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(CrmFault):
    """The connection is reset instead of an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill(CrmFault):
    """A process gets a signal before or after the call's answer; `pid` absent: `target_pid`."""

    pid: int | None = None
    signal: Literal["KILL", "TERM", "STOP", "CONT"] = "KILL"
    when: Literal["before_answer", "after_answer"] = "before_answer"


FAULTS: Mapping[str, type[Fault]] = MappingProxyType(
    {
        "late": Late,
        "stamp": Stamp,
        "undated": Undated,
        "lost_write": LostWrite,
        "stale": Stale,
        "unordered": Unordered,
        "page_cap": PageCap,
        "page_shift": PageShift,
        "repeated_page_key": RepeatedPageKey,
        "poison": Poison,
        "hidden": Hidden,
        "no_rows": NoRows,
        "bad_token": BadToken,
        "status": Status,
        "slow": Slow,
        "hold": Hold,
        "truncated": Truncated,
        "empty_answer": EmptyAnswer,
        "error_answer": ErrorAnswer,
        "reset": Reset,
        "kill": Kill,
    }
)
