"""The instances of the product under measurement: one per lane, made through the platform API."""

from __future__ import annotations

from bench.plan import RECORDS_PER_PAGE
from bench.product import Product

OVERLAP_SECONDS = 1200
"""Keeps what was just changed within the window for as long as a measurement takes."""

PAGE_SIZE = RECORDS_PER_PAGE + 1
"""A walk asks anew from the last stamp it read, so each page repeats one row: 100 are new."""


async def create_instances(
    product: Product, *, side: str, lanes: int, callback_url: str, interval_seconds: float
) -> None:
    """One instance per lane, each with a token, an account and a callback of its own."""
    for lane in range(lanes):
        await create_instance(
            product,
            f"{side}-{lane}",
            account=f"{side}-{lane}",
            callback_url=f"{callback_url}/{side}/{lane}",
            interval_seconds=interval_seconds,
        )


async def create_instance(
    product: Product,
    token: str,
    *,
    account: str,
    callback_url: str,
    interval_seconds: float,
    **polling: object,
) -> None:
    """One instance; `polling` is said of its contacts."""
    contacts = {"pageSize": PAGE_SIZE, "overlapSeconds": OVERLAP_SECONDS, **polling}
    body = {
        "element": {"key": "maximizer"},
        "name": token,
        "configuration": {
            "maximizer.personal.access.token": token,
            "maximizer.alias": account,
            "event.notification.enabled": True,
            "event.notification.callback.url": callback_url,
            "event.notification.signature.key": "a key of the benchmarks",
            "event.poller.refresh_interval": interval_seconds / 60,
            "event.poller.configuration": {"contacts": contacts},
        },
    }
    await product.call("POST", "/instances", body)
