"""PURE: what a tenant is found to be like: the facts of its fields and of its pages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFacts:
    """What a tenant's schema says of one field; what it does not say counts as able."""

    queryable: bool = True
    sortable: bool = True
    nullable: bool = True
    assignable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PagingFacts:
    """How a provider pages, as tried out on one resource.

    `asked` and `got` are the sizes of a page as polls ask for it; `cut` says that it was shorter
    although rows lie behind. `key_place` is where the key of a next page stood, None if there was
    none. `follows` says whether the next page goes on behind the first, None with too few rows.
    """

    asked: int
    got: int
    cut: bool
    key_place: str | None
    follows: bool | None
