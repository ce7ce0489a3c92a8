from __future__ import annotations

from daemon.connectors.connector import Grant
from daemon.instance import InstanceId
from daemon.store.credentials import seal
from daemon.store.database import Database
from daemon.store.encryption import Keyring
from tests.store.factories import make_instance


async def insert_instance(database: Database, keyring: Keyring, grant: Grant | None) -> InstanceId:
    """A living instance that holds these tokens as its first generation."""
    instance_id = await make_instance(database)
    if grant is not None:
        await database.execute(
            "update instances set credentials = $2, credentials_generation = 1,"
            " credentials_refresh_at = $3 where id = $1",
            instance_id,
            seal(keyring, instance_id, grant),
            grant.refresh_at,
        )
    return instance_id
