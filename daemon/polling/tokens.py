"""PURE: a Java date pattern taken apart into fields and literals, checked, made an expression."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from daemon.errors import PollhookError
from daemon.polling.letters import LETTERS, MONTH_NAME, SHORT, UNSUPPORTED, Letter

PARTS = ("year", "month", "day", "hour", "minute", "second", "fraction of a second")
ZONE_LETTERS = "zZX"
_LONGEST = 100
_PIECE = re.compile(
    r"(?P<run>(?P<letter>[A-Za-z])(?P=letter)*)|'(?P<quoted>(?:[^']|'')*+)'|(?P<other>[^'])"
)
_WIDEST_ISO_OFFSET = 3


class PatternError(PollhookError):
    """A date pattern cannot be understood; `position` counts its characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at character {position + 1} of the date pattern)")
        self.position = position


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A pattern letter that stands `count` times in a row, from `position` of its pattern on."""

    letter: str
    count: int
    position: int

    @property
    def meaning(self) -> Letter:
        """How the field is written and read."""
        is_name = self.letter == "M" and self.count >= SHORT
        return MONTH_NAME if is_name else LETTERS[self.letter]

    @property
    def is_zone(self) -> bool:
        """Whether it prints an offset or the name of a zone."""
        return self.letter in ZONE_LETTERS


Token = Field | str


def tokenize(pattern: str) -> tuple[Token, ...]:
    """The fields and literal texts of a pattern, in order. Raises PatternError.

    A single quote at the very end that opens nothing is left out: shipped configurations have it.
    """
    if not pattern.strip() or len(pattern) > _LONGEST:
        raise PatternError(f"a date pattern has 1 to {_LONGEST} characters", 0)
    tokens = tuple(_merged(_split(pattern)))
    fields = [token for token in tokens if isinstance(token, Field)]
    _check_parts(fields)
    _check_clock(fields)
    return tokens


def rank(tokens: Sequence[Token]) -> int:
    """The finest part that the tokens give, as an index into PARTS."""
    ranks = (token.meaning.rank for token in tokens if isinstance(token, Field))
    return max(rank for rank in ranks if rank is not None)


def shape(tokens: Sequence[Token]) -> str:
    """The order of the parts whatever their widths, zones as `X`: `y-M-dTH:m:sX`."""
    return "".join(
        re.sub(r"[yMdHmsSX]", "?", token) if isinstance(token, str) else _outline(token)
        for token in tokens
    )


def reader(tokens: Sequence[Token]) -> re.Pattern[str]:
    """The expression that reads what the tokens write, its groups named by their letters.

    A fraction may be missing, or follow the seconds unasked; a zone may be missing, or follow at
    the end unasked.
    """
    letters = {token.letter for token in tokens if isinstance(token, Field)}
    pieces = []
    named: set[str] = set()
    for before, token, after in zip(("", *tokens), tokens, (*tokens[1:], ""), strict=False):
        if isinstance(token, str):
            pieces.append(_literal_expression(before, token, after))
            continue
        name = "" if token.letter in named else f"?P<{token.letter}>"
        named.add(token.letter)
        pieces.append(_field_expression(before, token, after, name))
        if token.letter == "s" and "S" not in letters:
            pieces.append(r"(?:[.,](?P<S>\d+))?")
    if letters.isdisjoint(ZONE_LETTERS):
        pieces.append(rf"\s*(?P<X>{LETTERS['X'].read(1)})?")
    return re.compile("".join(pieces), re.IGNORECASE | re.ASCII)


def _split(pattern: str) -> Iterator[Token]:
    position = 0
    while position < len(pattern):
        piece = _PIECE.match(pattern, position)
        if piece:
            yield _field(piece) if piece["run"] else _literal(piece)
            position = piece.end()
        elif position == len(pattern) - 1:
            return
        else:
            raise PatternError("this quote is never closed", position)


def _literal(piece: re.Match[str]) -> str:
    quoted = piece["quoted"]
    if quoted is None:
        return piece["other"]
    return quoted.replace("''", "'") or "'"


def _field(piece: re.Match[str]) -> Field:
    letter, count, position = piece["letter"], len(piece["run"]), piece.start()
    if letter not in LETTERS:
        reason = UNSUPPORTED.get(letter, f"known are {' '.join(LETTERS)}; put other text in quotes")
        raise PatternError(f"the pattern letter '{letter}' is unknown: {reason}", position)
    if letter == "X" and count > _WIDEST_ISO_OFFSET:
        raise PatternError("X stands three times at most", position)
    if letter == "z" and count > SHORT:
        raise PatternError("full zone names are not supported: use z, Z or XXX", position)
    return Field(letter=letter, count=count, position=position)


def _merged(tokens: Iterator[Token]) -> Iterator[Token]:
    text = ""
    for token in tokens:
        if isinstance(token, str):
            text += token
            continue
        if text:
            yield text
        text = ""
        yield token
    if text:
        yield text


def _check_parts(fields: Sequence[Field]) -> None:
    given = {field.meaning.rank: field for field in fields if field.meaning.rank is not None}
    finest = max(given, default=0)
    for coarser in range(finest + 1):
        if coarser not in given:
            position = given[finest].position if given else 0
            finer = f"the {PARTS[finest]} but " if given else ""
            raise PatternError(f"the pattern gives {finer}no {PARTS[coarser]}", position)


def _check_clock(fields: Sequence[Field]) -> None:
    letters = {field.letter for field in fields}
    for field in fields:
        if field.letter in "hK" and letters.isdisjoint("aHk"):
            raise PatternError(
                f"'{field.letter}' counts hours to 12 and needs 'a' (AM/PM): use HH for 24 hours",
                field.position,
            )


def _outline(field: Field) -> str:
    if field.is_zone:
        return "X"
    has_own_outline = (field.letter == "M" and field.count >= SHORT) or (
        field.letter == "y" and field.count == 2
    )
    return field.letter * 2 if has_own_outline else field.letter


def _field_expression(before: Token, field: Field, after: Token, name: str) -> str:
    meaning = field.meaning
    if field.is_zone:
        return rf"(?:\s*({name or '?:'}{meaning.read(1)}))?"
    touches = meaning.numeric and (_is_numeric(before) or _is_numeric(after))
    expression = rf"\d{{{field.count}}}" if touches else meaning.read(field.count)
    group = f"({name or '?:'}{expression})"
    follows_point = field.letter == "S" and isinstance(before, str) and before[-1:] in (".", ",")
    return f"(?:[.,]{group})?" if follows_point else group


def _literal_expression(before: Token, text: str, after: Token) -> str:
    if isinstance(after, Field) and after.letter == "S" and text[-1] in ".,":
        text = text[:-1]
    beside_zone = any(isinstance(token, Field) and token.is_zone for token in (before, after))
    space = r"\s*" if beside_zone else r"\s+"
    return re.sub(r"(?:\\\s)+", space.replace("\\", r"\\"), re.escape(text))


def _is_numeric(token: Token) -> bool:
    return isinstance(token, Field) and token.meaning.numeric
