from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.polling.epoch import MICROSECONDS, MILLISECONDS, SECONDS, EpochFormat, UnreadableDate

FORMATS = pytest.mark.parametrize(
    "form", [SECONDS, MILLISECONDS, MICROSECONDS], ids=lambda form: form.text
)
INSTANT = datetime(2018, 8, 20, 15, 29, 34, 827456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (SECONDS, "1534778974"),
        (MILLISECONDS, "1534778974827"),
        (MICROSECONDS, "1534778974827456"),
    ],
    ids=["seconds", "milliseconds", "microseconds"],
)
def test_an_instant_is_printed_as_the_count_of_whole_units(form: EpochFormat, text: str) -> None:
    assert form.format(INSTANT) == text
    assert form.parse(text) == form.floor(INSTANT)


@pytest.mark.parametrize(
    "value",
    [1534778974.827, "1534778974.827", Decimal("1534778974.827"), " 1534778974.827 "],
    ids=["float", "text", "decimal", "spaces"],
)
def test_a_count_may_have_a_fraction(value: object) -> None:
    assert SECONDS.parse(value) == datetime(2018, 8, 20, 15, 29, 34, 827000, tzinfo=UTC)


@FORMATS
@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "",
        "tomorrow",
        "2018-08-20",
        "nan",
        float("inf"),
        10**30,
        -(10**30),
        10**5000,
        "1E999999999",
        "9" * 5000,
        [],
        {},
    ],
    ids=lambda value: f"{type(value).__name__} {str(value)[:12] if value != 10**5000 else 'huge'}",
)
def test_what_is_no_count_is_unreadable(form: EpochFormat, value: object) -> None:
    with pytest.raises(UnreadableDate, match=f"no date in the format {form.text}"):
        form.parse(value)


@FORMATS
@given(instant=st.datetimes(timezones=st.just(UTC)))
def test_a_count_is_read_back_to_whole_units(form: EpochFormat, instant: datetime) -> None:
    floored = form.floor(instant)
    assert form.parse(int(form.format(instant))) == floored
    assert floored <= instant < floored + form.granularity
