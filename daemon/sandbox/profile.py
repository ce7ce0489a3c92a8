"""The profile: how this Maximizer behaves where the documents leave it open or tenants differ."""

from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

from daemon.sandbox.refusals import BadRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Standing behaviours; the defaults are what the sources make most likely.

    Durations are in seconds by the sandbox's clock. `stamp_zones` maps object names to the IANA
    zone whose local time is shown with a `Z` stuck on (and by which it sorts and compares);
    `query_zones` to the zone in which date literals of filters are read, absent: the same frame as
    the stamps. `hidden_abilities` are schema paths such as `AbEntry/LastModifyDate` that can be
    neither queried nor sorted by, `not_queryable` those that can only be sorted by, and
    `missing_fields` those that this tenant does not have at all; `schema` tells whether it can be
    read, or silently only its first rows.
    """

    page_key: Literal["none", "object", "order_by", "next", "root"] = "object"
    default_page_size: int = 100
    max_page_size: int = 500
    over_page_size: Literal["cap", "error"] = "cap"
    rate_limit_calls: int = 30
    rate_limit_seconds: float = 10
    retry_after: bool = True

    consent: Literal["page", "allow", "deny"] = "page"
    code_seconds: float = 600
    refresh_rotation: bool = True
    refresh_reuse_grace_seconds: float = 0
    refresh_answers_refresh_token: bool = True
    expires_in: int | None = None
    token_type: str | None = None
    session_idle_seconds: float = 600
    session_cap_seconds: float = 86_400
    session_calls: int | None = None
    unauthorized: Literal["by_path", "http_401", "code"] = "by_path"

    unknown_field: Literal["error", "no_rows"] = "error"
    missing_driver: Literal["legacy", "no_rows"] = "legacy"
    message_form: Literal["text", "object"] = "text"
    empty_fields: Literal["null", "omit"] = "null"
    key_form: Literal["typed", "compatibility", "session"] = "typed"
    literal_suffix: Literal["honour", "ignore", "error"] = "honour"
    stamp_zones: dict[str, str] = field(default_factory=dict)
    query_zones: dict[str, str] = field(default_factory=dict)
    hidden_abilities: tuple[str, ...] = ()
    not_queryable: tuple[str, ...] = ()
    missing_fields: tuple[str, ...] = ()
    schema: Literal["whole", "partial", "unsupported"] = "whole"
    date_skew_seconds: float = 0
    audit_notes: bool = False
    target_pid: int | None = None

    def __post_init__(self) -> None:
        for zone in (*self.stamp_zones.values(), *self.query_zones.values()):
            try:
                ZoneInfo(zone)
            except (KeyError, ValueError) as error:
                raise BadRequest(f"zone {zone!r} is unknown") from error
