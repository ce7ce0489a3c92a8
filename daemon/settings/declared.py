"""Instances as the configuration file declares them: the shape of an entry, before its meaning."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _as_text(value: object) -> object:
    """An element may be named by its id, which YAML reads as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class InstanceSettings(BaseModel):
    """One entry of `instances`; secrets in it were resolved before."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(min_length=1, max_length=255)
    """What it is known by from one reading to the next."""
    element: Annotated[str, BeforeValidator(_as_text)]
    """Key or id of an element."""
    configuration: dict[str, Any] = Field(default={}, repr=False)
    """The keys of `POST /instances`."""
    tags: tuple[str, ...] = ()
    enabled: bool = True
    """Whether it is polled and told."""
    on_filter_change: Literal["keep", "rewind", "baseline"] = "keep"
    """What becomes of the cursors of resources whose filter, id field, date field or zone
    changes."""
