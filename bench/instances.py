"""The instances of the product under measurement: one per lane, made through the platform API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
        await product.call(
            "POST",
            "/instances",
            _body(side, lane, f"{callback_url}/{side}/{lane}", interval_seconds),
        )


def _body(side: str, lane: int, callback_url: str, interval_seconds: float) -> Mapping[str, Any]:
    return {
        "element": {"key": "maximizer"},
        "name": f"{side} {lane}",
        "configuration": {
            "maximizer.personal.access.token": f"{side}-{lane}",
            "maximizer.alias": f"{side}-{lane}",
            "event.notification.enabled": True,
            "event.notification.callback.url": callback_url,
            "event.notification.signature.key": "a key of the benchmarks",
            "event.poller.refresh_interval": interval_seconds / 60,
            "event.poller.configuration": {
                "contacts": {"pageSize": PAGE_SIZE, "overlapSeconds": OVERLAP_SECONDS}
            },
        },
    }
