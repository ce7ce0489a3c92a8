"""PURE: the words of the `where` language (CEQL): text cut into tokens, faults with positions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from daemon.connectors.ceql_tree import NAME, Template
from daemon.errors import PollhookError

LONGEST_TEXT = 8192
OPAQUE = "\0"
"""Stands in the text for one part that the language does not look into."""
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<text>'(?:[^']|'')*+')"
    r"|(?P<quoted_name>`(?:[^`]|``)++`)"
    r"|(?P<number>[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))"
    rf"|(?P<word>{NAME})"
    r"|(?P<operator><=|>=|!=|<|>|=)"
    r"|(?P<punctuation>[(),])"
    r"|(?P<opaque>\0)"
)


class CeqlError(PollhookError):
    """A `where` cannot be understood; `position` counts its characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at character {position + 1} of the where)")
        self.position = position


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A piece of the text: `kind` is a group of the token expression, or `end`."""

    kind: str
    text: str
    start: int

    def is_keyword(self, word: str) -> bool:
        """Whether it is this word (given in capitals), in any casing."""
        return self.kind == "word" and self.text.upper() == word


class Source:
    """A `where` as written: its text, with OPAQUE in the place of each opaque part."""

    def __init__(self, parts: Sequence[object]) -> None:
        self.text = "".join(part if isinstance(part, str) else OPAQUE for part in parts)
        self.opaque: dict[int, object] = {}
        position = 0
        for part in parts:
            if not isinstance(part, str):
                self.opaque[position] = part
            position += len(part) if isinstance(part, str) else 1
        if len(self.text) > LONGEST_TEXT:
            raise self.error(f"a where has {LONGEST_TEXT} characters at most", LONGEST_TEXT)

    def error(self, message: str, position: int) -> CeqlError:
        """The fault at a position of the text, told by its position as written."""
        before = (part for at, part in self.opaque.items() if at < position)
        return CeqlError(message, position + sum(len(str(part)) - 1 for part in before))

    def literal(self, token: Token) -> str | Template:
        """What stands between the quotes of a token of kind `text`."""
        start, end = token.start + 1, token.start + len(token.text) - 1
        holes = self.holes(token)
        if not holes:
            return self._unescaped(start, end)
        parts: list[object] = []
        for hole in holes:
            parts += [self._unescaped(start, hole), self.opaque[hole]]
            start = hole + 1
        parts.append(self._unescaped(start, end))
        return Template(parts=tuple(part for part in parts if part != ""))

    def holes(self, token: Token) -> list[int]:
        """Where the token has opaque parts."""
        end = token.start + len(token.text)
        return [at for at in self.opaque if token.start <= at < end]

    def _unescaped(self, start: int, end: int) -> str:
        return self.text[start:end].replace("''", "'")


def scan(source: Source) -> Iterator[Token]:
    """The tokens of a text without its spaces, an `end` last. Raises CeqlError."""
    position, text = 0, source.text
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise source.error(_unreadable(text[position]), position)
        if found.lastgroup != "space":
            yield Token(kind=str(found.lastgroup), text=found[0], start=position)
        position = found.end()
    yield Token(kind="end", text="", start=position)


def _unreadable(character: str) -> str:
    if character in "'`":
        return f"the quote {character} is never closed"
    return f"the character {character!r} means nothing here"
