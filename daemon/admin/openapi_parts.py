"""The parts that the schemas of the API description are put together from."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
INSTANT: Schema = {"type": ["string", "null"], "format": "date-time"}
OPTIONAL_NUMBER: Schema = {"type": ["number", "null"]}
OPTIONAL_TEXT: Schema = {"type": ["string", "null"]}
TEXTS: Schema = {"type": "array", "items": TEXT}
ANYTHING: Schema = {"type": "object", "additionalProperties": True}


def reference(name: str) -> Schema:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def object_of(required: str = "", /, **properties: Schema) -> Schema:
    """An object with these members, of which the named ones are always there."""
    return {
        "type": "object",
        "properties": properties,
        **({"required": required.split()} if required else {}),
    }


def list_of(name: str) -> Schema:
    """A list of what a schema describes."""
    return {"type": "array", "items": reference(name)}
