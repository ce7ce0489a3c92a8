"""What pydantic found wrong with a value, said as a person would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

SENTENCES: Mapping[str, str] = {
    "greater_than": "has to be above {gt:.15g}",
    "greater_than_equal": "has to be at least {ge:.15g}",
    "less_than": "has to be below {lt:.15g}",
    "less_than_equal": "has to be at most {le:.15g}",
    "int_type": "has to be a whole number",
    "int_parsing": "has to be a whole number",
    "int_parsing_size": "has to be a whole number",
    "int_from_float": "has to be a whole number",
    "float_type": "has to be a number",
    "float_parsing": "has to be a number",
    "finite_number": "has to be a finite number",
    "bool_type": "has to be true or false",
    "bool_parsing": "has to be true or false",
    "string_type": "has to be text",
    "string_too_short": "must not be empty",
    "path_type": "has to be a path",
    "literal_error": "has to be {expected}",
    "tuple_type": "has to be a list",
    "dict_type": "has to hold keys of its own",
    "model_type": "has to hold keys of its own",
    "missing": "is needed",
    "extra_forbidden": "is not a known key",
    "string_too_long": "has to be at most {max_length} characters long",
    "too_short": "needs more entries (at least {min_length})",
    "too_long": "has too many entries (at most {max_length})",
}
"""By pydantic's type of the error; its context fills the braces."""


def describe(error: ErrorDetails, *, secret: bool) -> str:
    """The sentence for one error, with the value that was given unless that is a secret."""
    context: dict[str, Any] = error.get("ctx", {})
    if error["type"] == "value_error":
        return str(context["error"])
    template = SENTENCES.get(error["type"])
    sentence = template.format_map(context) if template else error["msg"].lower()
    value = error["input"]
    if secret or not isinstance(value, str | int | float):
        return sentence
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    return f"{sentence}, not {shown if len(shown) <= 60 else shown[:60] + '...'}"
