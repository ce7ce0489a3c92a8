"""Rows that many tests of the store need, written the shortest way."""

from __future__ import annotations

import itertools
from typing import Any

from daemon.instance import InstanceId, ResourceId
from daemon.store.database import Database

_numbers = itertools.count(1)


async def make_instance(database: Database, **configuration: Any) -> InstanceId:
    """An active instance with its owner, lease and endpoint rows."""
    number = next(_numbers)
    unique = number.to_bytes(8, "big")
    organization = await database.fetchval(
        "insert into organizations (name, secret_digest, secret) values ($1, $2, $2) returning id",
        f"organization {number}",
        unique,
    )
    user = await database.fetchval(
        "insert into users (organization_id, username, password_hash, secret_digest, secret)"
        " values ($1, $2, '', $3, $3) returning id",
        organization,
        f"user {number}",
        unique,
    )
    instance = await database.fetchval(
        "insert into instances (organization_id, user_id, element_key, name, configuration,"
        " token_digest, token, webhook_secret)"
        " values ($1, $2, 'maximizer', $3, $4, $5, $5, $5) returning id",
        organization,
        user,
        f"instance {number}",
        configuration,
        unique,
    )
    await database.execute("insert into leases (instance_id) values ($1)", instance)
    await database.execute("insert into endpoints (instance_id) values ($1)", instance)
    return InstanceId(instance)


async def make_resource(
    database: Database, instance_id: InstanceId, name: str = "contacts", **polling: Any
) -> ResourceId:
    """A resource of it whose baseline is still to be read."""
    position = await database.fetchval("select count(*) from resources")
    resource = await database.fetchval(
        "insert into resources (instance_id, name, position, configuration)"
        " values ($1, $2, $3, $4) returning id",
        instance_id,
        name,
        position,
        polling,
    )
    return ResourceId(resource)
