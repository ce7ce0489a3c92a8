"""The sealed columns of an instance: JSON that opens only in its own row and column."""

from __future__ import annotations

from typing import Any

import orjson

from daemon.instance import InstanceId
from daemon.store.encryption import Keyring


def seal_column(keyring: Keyring, column: str, instance_id: InstanceId, value: Any) -> bytes:
    """What `instances.<column>` stores for this value."""
    return keyring.seal(orjson.dumps(value), context=f"instances.{column}:{instance_id}")


def open_column(keyring: Keyring, column: str, instance_id: InstanceId, sealed: bytes) -> Any:
    """The value that `instances.<column>` stores. Raises UndecryptableSecret."""
    return orjson.loads(keyring.open(sealed, context=f"instances.{column}:{instance_id}"))
