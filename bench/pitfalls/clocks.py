"""Pitfalls of time: coarse stamps, wrong clocks, zones, summer time, dates that are revised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bench.pitfalls.catalogue import pitfall
from bench.pitfalls.scene import Scene

ZONE = "America/New_York"
LOCAL_TIME = {"stamp_zones": {"AbEntry": ZONE}}
LITERALS_ARE_LOCAL = {"query_zones": {"AbEntry": ZONE}, "literal_suffix": "ignore"}


def an_hour_slow() -> datetime:
    """A CRM whose clock is behind ours."""
    return datetime.now(UTC) - timedelta(hours=1)


def before_a_fold() -> datetime:
    """Twenty minutes before clocks of the zone are next set back."""
    instant = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    zone, hour = ZoneInfo(ZONE), timedelta(hours=1)
    while _offset(instant + hour, zone) >= _offset(instant, zone):
        instant += hour
    return instant + hour - timedelta(minutes=20)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)


@pitfall(5, "stamps of whole minutes", note="Maximizer's stamps are whole seconds")
async def whole_minutes(scene: Scene) -> None:
    """Stamps tell no more than the minute, and a minute brings several changes."""
    await scene.watch()
    now = scene.service.clock.now()
    scene.later(65 - now.second)
    scene.switch(stamp={"granularity_seconds": 60})
    for number in (1, 2, 1):
        scene.edit(number)
        await scene.told()
        scene.later(15)


@pitfall(9, "clocks that differ", begins_at=an_hour_slow)
async def clocks_differ(scene: Scene) -> None:
    """The provider's clock is an hour behind ours, and then set right."""
    await scene.watch()
    scene.edit(1)
    await scene.told()
    scene.create()
    await scene.told()
    scene.later(3600)
    scene.edit(2)
    await scene.told()


@pitfall(10, "dates taken for another zone's", profile=LITERALS_ARE_LOCAL)
async def another_zone(scene: Scene) -> None:
    """Stamps are UTC, but the provider reads the dates of a filter as its users' local time."""
    await scene.watch()
    for number in (1, 2):
        scene.edit(number)
        await scene.told()
        scene.later(5)


@pitfall(11, "summer time ends", profile=LOCAL_TIME, begins_at=before_a_fold)
async def summer_time_ends(scene: Scene) -> None:
    """Stamps are local time, and an hour comes twice."""
    await scene.watch()
    for number in (1, 2, 1):
        scene.edit(number)
        await scene.told()
        scene.later(25 * 60)


@pitfall(14, "dates that are revised")
async def revised_dates(scene: Scene) -> None:
    """A record is dated far ahead, another too and then back; a third one changes meanwhile."""
    await scene.watch()
    for number in (1, 2):
        scene.edit(number, LastModifyDate=datetime(2099, number, 1, tzinfo=UTC))
        await scene.told()
        await scene.polls(2)
    for number in (3, 2):
        scene.edit(number)
        await scene.told()
        scene.later(5)
