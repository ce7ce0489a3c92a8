"""A poll target understood: its stored configuration as typed values and as what is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from daemon import configuration_keys as keys
from daemon.connectors.connector import Element
from daemon.errors import InvalidInput
from daemon.instance import PollTarget
from daemon.notifications.context import Context, NotificationFormat, RawMode
from daemon.polling.configuration import parse_polling
from daemon.polling.resource import ResourcePolling
from daemon.polling.standards import PollingStandards
from daemon.polling.window import Margins
from daemon.polling.zones import parse_zone
from daemon.settings import DeliverySettings, PollingSettings


def standards(polling: PollingSettings, zone: str | None) -> PollingStandards:
    """What holds where an entry says nothing; `zone` is the instance's own, if it names one."""
    return PollingStandards(
        zone=parse_zone(zone or polling.timezone),
        page_size=polling.page_size,
        created_check_tolerance=timedelta(seconds=polling.created_check_tolerance_seconds),
        overlap_seconds=polling.overlap_seconds,
        settle_lag_seconds=polling.settle_lag_seconds,
        least_interval=timedelta(seconds=polling.minimum_interval_seconds),
    )


def typed_polling(
    target: PollTarget, element: Element, settings: PollingSettings
) -> ResourcePolling:
    """The resource's stored entry. Raises InvalidInput if this version no longer understands it."""
    polled = parse_polling(
        {target.name: target.polling},
        hub=element.hub,
        resources=element.resources,
        standards=standards(settings, target.instance.configuration.get(keys.TIMEZONE)),
    )
    if isinstance(polled, list):
        raise InvalidInput(polled)
    return polled[target.name]


def interval_of(target: PollTarget, settings: PollingSettings) -> timedelta:
    """The time between two polls."""
    minutes = target.instance.configuration.get(keys.REFRESH_INTERVAL)
    return timedelta(minutes=float(minutes or settings.default_interval_minutes))


def margins_of(polling: ResourcePolling) -> Margins:
    """How much of this resource is read again."""
    zones = polling.local_zones
    return Margins(
        overlap=timedelta(seconds=polling.overlap_seconds),
        poll_delay=polling.poll_delay,
        settle_lag=timedelta(seconds=polling.settle_lag_seconds),
        granularity=polling.granularity,
        zone_configured=polling.cursor is not None and polling.cursor.is_zone_local,
        zone=next((zone for zone in zones if isinstance(zone, ZoneInfo)), None),
        provable=all(zone is UTC or isinstance(zone, ZoneInfo) for zone in zones),
    )


def context_maker(
    target: PollTarget, element: Element, polling: ResourcePolling, delivery: DeliverySettings
) -> Callable[[datetime, datetime], Context]:
    """Makes the context of a page from the instants of its poll and of its composition."""
    instance = target.instance
    values = instance.configuration
    schedule = values.get(keys.RETRY_SCHEDULE, delivery.retry_schedule_seconds)

    def context(poll_at: datetime, created_at: datetime) -> Context:
        return Context(
            instance_id=instance.id,
            instance_name=instance.name,
            instance_tags=instance.tags,
            element_key=element.key,
            hub_key=element.hub,
            account_id=instance.organization_id,
            company_id=instance.organization_id,
            user_id=instance.user_id,
            resource_id=target.resource_id,
            object_type=target.name,
            id_field=polling.id_field,
            poll_at=poll_at,
            created_at=created_at,
            format=NotificationFormat(values.get(keys.FORMAT, NotificationFormat.OPENCONNECTORS)),
            raw_mode=RawMode(values.get(keys.RAW, RawMode.EVENTS)),
            drop_nulls=bool(values.get(keys.RESPONSE_NULLS, True)),
            max_body_bytes=delivery.max_body_bytes,
            first_wait_seconds=schedule[0],
            hub_path=f"/hubs/{element.hub}/{polling.path}",
        )

    return context
