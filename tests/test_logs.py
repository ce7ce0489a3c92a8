import asyncio
import io
import json
import logging
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from daemon.logs import LONGEST_VALUE, MASK, RepeatGate, configure_logs, excerpt, redact

SECRET = "q1w2e3r4t5y6u7i8o9p0"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """What logging is set to belongs to the whole process."""
    root = logging.getLogger()
    handlers, level, settings = root.handlers[:], root.level, structlog.get_config()
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**settings)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def configured(log_format: Any = "json", level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    configure_logs(level, log_format, stream)
    return stream


def only_line(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    read: dict[str, Any] = json.loads(line)
    return read


def test_a_line_is_one_json_object_with_event_level_time_and_keys() -> None:
    stream = configured()
    structlog.get_logger().info("poll.finished", instance=42, new=3)
    line = only_line(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "poll.finished", "level": "info", "instance": 42, "new": 3}


def test_context_bound_once_is_on_every_line() -> None:
    stream = configured()
    with structlog.contextvars.bound_contextvars(poll="42/contacts"):
        structlog.get_logger().info("poll.finished")
    assert only_line(stream)["poll"] == "42/contacts"


def test_lines_below_the_level_are_not_written() -> None:
    stream = configured(level="warning")
    structlog.get_logger().info("poll.finished")
    logging.getLogger("aiohttp").info("connected")
    assert stream.getvalue() == ""


def test_a_later_configuration_replaces_the_earlier_one() -> None:
    first, second = configured(), configured(level="debug")
    structlog.get_logger().debug("poll.finished")
    logging.getLogger("aiohttp").warning("closing")
    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 2


def test_libraries_write_lines_of_the_same_form() -> None:
    stream = configured()
    logging.getLogger("asyncio").error("Task %s failed", "x", exc_info=ValueError("broken"))
    line = only_line(stream)
    assert (line["event"], line["logger"], line["level"]) == ("Task x failed", "asyncio", "error")
    assert line["exception"].endswith("ValueError: broken")


def test_warnings_of_python_become_lines() -> None:
    stream = configured()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("never awaited", RuntimeWarning, stacklevel=1)
    line = only_line(stream)
    assert line["logger"] == "py.warnings"
    assert "never awaited" in line["event"]


def test_an_exception_is_told_whole_with_its_end() -> None:
    stream = configured()
    try:
        raise ValueError("x" * LONGEST_VALUE + "the end")
    except ValueError:
        structlog.get_logger().exception("poll.crashed")
    assert only_line(stream)["exception"].endswith("the end")


@pytest.mark.parametrize(
    ("log_format", "stream", "is_json"),
    [
        ("auto", io.StringIO, True),
        ("auto", Terminal, False),
        ("json", Terminal, True),
        ("console", io.StringIO, False),
    ],
)
def test_the_form_follows_the_terminal_unless_it_is_chosen(
    log_format: Any, stream: type[io.StringIO], is_json: bool
) -> None:
    target = stream()
    configure_logs("info", log_format, target)
    structlog.get_logger().info("poll.finished", new=3)
    assert target.getvalue().startswith("{") is is_json
    assert "poll.finished" in target.getvalue()


def test_a_terminal_shows_an_exception_without_the_values_of_variables() -> None:
    target = Terminal()
    configure_logs("info", "auto", target)
    password = SECRET
    try:
        raise ValueError(len(password))
    except ValueError:
        structlog.get_logger().exception("poll.crashed")
    assert "ValueError: 20" in target.getvalue()
    assert SECRET not in target.getvalue()


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "token",
        "accessToken",
        "client_secret",
        "userSecret",
        "oauth.api.secret",
        "oauth.api.key",
        "Authorization",
        "event.notification.signature.key",
        "database_dsn",
        "Set-Cookie",
        "credentials",
    ],
)
@pytest.mark.parametrize("value", [SECRET, SECRET.encode(), [SECRET], {"inner": SECRET}])
def test_what_stands_under_a_secrets_name_is_masked(key: str, value: object) -> None:
    stream = configured()
    structlog.get_logger().info("x", **{key: value})
    structlog.get_logger().info("x", deep={"list": [{key: value}]})
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first[key] == second["deep"]["list"][0][key] == MASK


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dsn_file", "/etc/pollhook/dsn"),
        ("credentials_file", "data/credentials.json"),
        ("lease_token", 17),
        ("token", None),
        ("token_generation", "3"),
        ("status_code", 200),
        ("outcome", "delivered"),
    ],
)
def test_what_only_resembles_a_secrets_name_is_shown(key: str, value: object) -> None:
    stream = configured()
    structlog.get_logger().info("x", **{key: value})
    assert only_line(stream)[key] == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Authorization: Bearer {SECRET}", f"Authorization: {MASK}"),
        (f"authorization=User abc,Element {SECRET}=", f"authorization={MASK},Element {MASK}"),
        (f"sent User {SECRET}, Element {SECRET}", f"sent User {MASK}, Element {MASK}"),
        (f'{{"access_token":"{SECRET}","age":600}}', f'{{"access_token":"{MASK}","age":600}}'),
        (f'{{\\"client_secret\\": \\"{SECRET}\\"}}', f'{{\\"client_secret\\": \\"{MASK}\\"}}'),
        (f"refresh_token={SECRET}&client_id=7", f"refresh_token={MASK}&client_id=7"),
        (f"'oauth.api.secret': '{SECRET}'", f"'oauth.api.secret': '{MASK}'"),
        ("postgresql://ann:hunter2@db:5432/d", f"postgresql://{MASK}@db:5432/d"),
        ("GET https://h/hooks?key=1#x failed", f"GET https://h/hooks?{MASK} failed"),
        ("at https://u:p@h/x?y=1, again", f"at https://{MASK}@h/x?{MASK} again"),
        ("made whsec_MfKQ9r8GKYqrTwjU", f"made {MASK}"),
        ("jwt eyJhbGciOiJI.eyJzdWIi.c2ln", f"jwt {MASK}"),
    ],
)
def test_a_secret_inside_a_text_is_masked(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Token is invalid",
        "3 tokens: 5 left",
        "User ann may not read contacts",
        "the monkey: 4",
        "https://example.org/callback/42",
        "2026-11-24T05:14:09.176852Z",
    ],
)
def test_a_text_without_secrets_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_a_message_of_a_library_is_redacted_too() -> None:
    stream = configured()
    logging.getLogger("aiohttp").warning("cannot open %s", "https://h/?token=x1y2")
    assert only_line(stream)["event"] == f"cannot open https://h/?{MASK}"


def test_an_excerpt_is_no_longer_than_asked() -> None:
    assert excerpt("x" * 50, 50) == "x" * 50
    assert excerpt("x" * 51, 50) == "x" * 47 + "..."


def test_a_secret_that_is_cut_does_not_show() -> None:
    assert "q1w2" not in excerpt(f"{'x' * 40} password={SECRET * 20}", 55)


@given(st.text(max_size=200))
def test_redaction_is_the_same_the_second_time(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "unit", ["a.", "://", "token", "https://a/b?", "eyJ", "User ", "x://", "password="]
)
def test_redaction_of_a_long_hostile_text_is_quick(unit: str) -> None:
    text = unit * (LONGEST_VALUE // len(unit))
    began = time.process_time()
    redact(text)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize(
    "value",
    ["\ud800", 10**30, float("nan"), object(), {1: {2, 3}}, b"\xff", "\x1b[31m\x00", "x" * 99999],
    ids=["surrogate", "huge", "nan", "object", "keys", "bytes", "control", "long"],
)
def test_a_line_can_always_be_written(log_format: Any, value: object) -> None:
    stream = io.TextIOWrapper(buffer := io.BytesIO(), encoding="utf-8", write_through=True)
    configure_logs("info", log_format, stream)
    structlog.get_logger().info("x", value=value)
    written = buffer.getvalue()
    assert written.endswith(b"\n")
    assert b"\x1b[31m" not in written
    assert len(written) < LONGEST_VALUE + 500


async def test_asyncios_own_complaints_are_lines() -> None:
    stream = configured()
    asyncio.get_running_loop().call_exception_handler({"message": "Unhandled"})
    assert only_line(stream)["logger"] == "asyncio"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_same_reason_is_told_once_then_hourly() -> None:
    clock = Clock()
    gate = RepeatGate(clock=clock)
    told = []
    for minute in range(0, 181, 10):
        clock.now = minute * 60
        if gate.opens("42/contacts", "timed out"):
            told.append(minute)
    assert told == [0, 60, 120, 180]


def test_each_different_reason_is_told_even_if_they_alternate() -> None:
    gate = RepeatGate(clock=Clock())
    told = [gate.opens("42/contacts", reason) for reason in ("a", "b", "a", "b", "c")]
    assert told == [True, True, False, False, True]


def test_subjects_do_not_share_their_reasons() -> None:
    gate = RepeatGate(clock=Clock())
    assert gate.opens("42/contacts", "a")
    assert gate.opens("43/contacts", "a")


def test_a_trouble_that_is_over_is_counted_and_told_again_when_it_returns() -> None:
    gate = RepeatGate(clock=Clock())
    assert gate.close("42/contacts") == 0
    for _ in range(3):
        gate.opens("42/contacts", "a")
    assert gate.close("42/contacts") == 3
    assert gate.close("42/contacts") == 0
    assert gate.opens("42/contacts", "a")


def test_reasons_that_are_always_new_do_not_pile_up() -> None:
    gate = RepeatGate(clock=Clock())
    for number in range(1000):
        assert gate.opens("42/contacts", f"request {number} failed")
    assert gate.opens("42/contacts", "request 1 failed")
    assert not gate.opens("42/contacts", "request 999 failed")
