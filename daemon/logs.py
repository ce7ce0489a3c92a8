"""Logs: one stream for our lines and the libraries', without secrets and without repetition."""

from __future__ import annotations

import functools
import json
import logging
import re
import sys
import time
from collections.abc import Callable, Hashable, Mapping, MutableMapping
from typing import Any, Literal, TextIO

import orjson
import structlog
from structlog.typing import Processor

MASK = "********"
LONGEST_VALUE = 8192
REPEAT_SECONDS = 3600.0
MOST_REASONS = 100

LogFormat = Literal["auto", "console", "json"]


def configure_logs(level: str, log_format: LogFormat, stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's logging to `stream`, by default standard error.

    `level` is `debug`, `info`, `warning` or `error`; `auto` means `console` on a terminal, else
    `json`. May be called again, which replaces what the earlier call set.
    """
    target = sys.stderr if stream is None else stream
    console = log_format == "console" or (log_format == "auto" and target.isatty())
    render = _console_renderer(target) if console else _json_renderer()
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *_processors(), render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=target),
        cache_logger_on_first_use=False,
    )
    _route_libraries(target, render, threshold)


def excerpt(text: str, limit: int = 500) -> str:
    """Foreign text fit for a log, a table or an answer: secrets masked, at most `limit` long."""
    masked = redact(text[: limit + 200])
    return masked if len(text) <= limit else f"{masked[: limit - 3]}..."


def redact(text: str) -> str:
    """The text with tokens, passwords, signatures and query strings replaced by a mask."""
    return _SECRET_TEXT.sub(_masked, text) if _SUSPICIOUS.search(text) else text


_NAME = (
    r"(?:pass(?:word|wd|phrase)?|secret|token|authorization|cookie|credentials?|dsn|signature"
    r"|api[._-]?key|private[._-]?key|signature[._-]?key|oauth[._-]?code|grant[._-]?code)"
)
_SCHEME = r"(?:Bearer|Basic|User|Organization|Element)"
_SECRET_KEY = re.compile(rf"(?:.*[a-z._-])?{_NAME}", re.IGNORECASE)
_SUSPICIOUS = re.compile(r"[:=\s]|whsec_|eyJ", re.IGNORECASE)
"""What every secret text has, and identifiers and plain words, which most values are, have not."""
_SECRET_TEXT = re.compile(
    # name=value and "name": "value", an Authorization header among them
    rf"(?P<name>{_NAME}\\?[\"']?\s{{0,3}}[:=]\s{{0,3}}\\?[\"']?)"
    rf"(?!\d{{1,9}}\b)(?:{_SCHEME}\s+)?[^\s\"'\\,;&}}]+"
    # the schemes of that header by themselves, the platform's own included
    rf"|(?P<scheme>\b{_SCHEME}\s+)[A-Za-z0-9+/_.~-]{{16,}}=*"
    # Standard Webhooks secrets and JSON Web Tokens, wherever they stand
    r"|whsec_[A-Za-z0-9+/=_-]+|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
    # an address: its user and password, and its query
    r"|(?P<origin>\b[a-z][a-z0-9+.-]{0,20}://)(?P<user>[^\s/@\"']+@)?"
    r"(?P<path>[^\s?\"'<>]*)(?P<query>\?[^\s\"'<>]+)?",
    re.IGNORECASE,
)


def _masked(match: re.Match[str]) -> str:
    if not match["origin"]:
        return f"{match['name'] or match['scheme'] or ''}{MASK}"
    user = f"{MASK}@" if match["user"] else ""
    query = f"?{MASK}" if match["query"] else ""
    return f"{match['origin']}{user}{match['path']}{query}"


def _processors() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        structlog.processors.StackInfoRenderer(),
        redact_event,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def redact_event(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Processor: masks what stands under a secret's name, and secrets inside other texts."""
    for key, value in event.items():
        event[key] = _clean(key, value)
    return event


def _clean(key: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if _is_secret(key):
        return MASK
    if isinstance(value, Mapping):
        return {str(inner): _clean(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", item) for item in value]
    text = value if isinstance(value, str) else str(value)
    clean = redact(text) if key in _TRACES else excerpt(text, LONGEST_VALUE)
    return clean if clean.isprintable() else _printable(clean)


_TRACES = frozenset({"exception", "stack"})
"""Never cut: what matters stands at their end."""


@functools.lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return _SECRET_KEY.fullmatch(key) is not None


def _printable(text: str) -> str:
    """Without lone surrogates, which no stream takes, and what moves a terminal's cursor."""
    return text.encode("utf-8", "backslashreplace").decode().translate(_CONTROL_CHARACTERS)


_CONTROL_CHARACTERS = {
    code: f"\\x{code:02x}"
    for code in (*range(32), 127, *range(128, 160))
    if chr(code) not in "\n\t"
}


def _json_renderer() -> Processor:
    return structlog.processors.JSONRenderer(serializer=_to_json)


def _to_json(event: Any, **_: object) -> str:
    try:
        return orjson.dumps(event, default=str).decode()
    except TypeError:  # an integer beyond 64 bits, which the slower library can write
        return json.dumps(event, default=str)


def _console_renderer(stream: TextIO) -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def _route_libraries(stream: TextIO, render: Processor, threshold: int) -> None:
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *_processors()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=threshold, force=True)
    logging.captureWarnings(True)


class RepeatGate:
    """Lets each different reason through once, then once an hour, so that a lasting trouble is told
    without filling the log. One gate serves many subjects; `close` forgets one when it is over."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        interval_seconds: float = REPEAT_SECONDS,
    ) -> None:
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._told: dict[Hashable, dict[str, float]] = {}
        self._counts: dict[Hashable, int] = {}

    def opens(self, subject: Hashable, reason: str) -> bool:
        """Whether this occurrence is to be logged; it is counted either way."""
        self._counts[subject] = self._counts.get(subject, 0) + 1
        told = self._told.setdefault(subject, {})
        now = self._clock()
        if reason in told and now - told[reason] < self._interval_seconds:
            return False
        told.pop(reason, None)
        told[reason] = now
        if len(told) > MOST_REASONS:
            del told[next(iter(told))]
        return True

    def close(self, subject: Hashable) -> int:
        """Forget a subject whose trouble is over; how often it occurred, 0 if it never did."""
        self._told.pop(subject, None)
        return self._counts.pop(subject, 0)
