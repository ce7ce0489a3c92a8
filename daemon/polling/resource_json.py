"""PURE: a ResourcePolling written as the one canonical entry of a polling configuration."""

from __future__ import annotations

from datetime import timedelta

from daemon.polling.hub_url import HubUrl, write_hub_url
from daemon.polling.resource import Reconcile, ResourcePolling, Sweep
from daemon.polling.zones import zone_text


def as_json(polling: ResourcePolling) -> dict[str, object]:
    """The entry of `event.poller.configuration` that says all of this, in one spelling."""
    url = HubUrl(resource=polling.path, where=polling.where, fields=polling.fields)
    return {
        "url": write_hub_url(url, polling.hub),
        "idField": polling.id_field,
        "filterByUpdatedDate": polling.filter_by_updated_date,
        "filterByCurrentDate": polling.filter_by_current_date,
        "createdCheckTolerance": _plain(polling.created_check_tolerance.total_seconds()),
        "pageSize": polling.page_size,
        "pollDelay": _plain(polling.poll_delay.total_seconds()),
        "datesConfiguration": _dates_json(polling),
        "overlapSeconds": _plain(polling.overlap_seconds),
        "settleLagSeconds": _plain(polling.settle_lag_seconds),
        "firstRun": str(polling.first_run),
        "reconcile": _reconcile_json(polling.reconcile),
        "deletes": _deletes_json(polling.deletes),
        "ignoreFields": list(polling.ignore_fields),
    }


def _dates_json(polling: ResourcePolling) -> dict[str, str]:
    dates = {"updated": polling.updated, "created": polling.created}
    return {
        f"{which}Date{part}": text
        for which, date in dates.items()
        if date is not None
        for part, text in (
            ("Field", date.field),
            ("Format", date.format.text),
            ("Timezone", zone_text(date.zone)),
        )
    }


def _reconcile_json(reconcile: Reconcile | None) -> dict[str, float] | None:
    if reconcile is None:
        return None
    return {
        "intervalMinutes": _plain(reconcile.interval / timedelta(minutes=1)),
        "windowHours": _plain(reconcile.window / timedelta(hours=1)),
    }


def _deletes_json(deletes: Sweep | None) -> dict[str, object]:
    if deletes is None:
        return {"mode": "off"}
    return {
        "mode": "sweep",
        "intervalMinutes": _plain(deletes.interval / timedelta(minutes=1)),
        "maxFraction": deletes.max_fraction,
    }


def _plain(number: float) -> float:
    return int(number) if number == int(number) else number
