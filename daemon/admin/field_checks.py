"""Field checks: whether the tenant has the fields that a wish names, before it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from daemon.connectors.connector import Account, Connector
from daemon.connectors.schema_check import find_faults
from daemon.errors import InvalidInput
from daemon.polling.resource import ResourcePolling

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 20.0
"""How long a person waits for the check; what is not known by then is found out by polling."""


async def check_fields(
    connector: Connector, account: Account, polled: Sequence[ResourcePolling]
) -> None:
    """Raises InvalidInput with every field that the tenant lacks or cannot use as it is needed.

    A provider that does not answer refuses nothing.
    """
    faults = []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for polling in polled:
                faults += await find_faults(connector, account, polling)
    except TimeoutError:
        log.info("instance.fields_unchecked", reason="the provider takes too long to answer")
    if faults:
        raise InvalidInput(dict.fromkeys(faults))
