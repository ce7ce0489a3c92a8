"""The named queries of the benchmarks, kept as SQL like the product's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "sql"


def load_queries(name: str) -> Mapping[str, str]:
    """The queries of `sql/<name>.sql`: each begins with a line `-- name: <query>`."""
    text = (FOLDER / f"{name}.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))
