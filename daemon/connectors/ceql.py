"""PURE: the `where` language (CEQL): text read into a frozen syntax tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite

from daemon.connectors.ceql_tokens import OPAQUE, CeqlError, Source, Token, scan
from daemon.connectors.ceql_tree import (
    KEYWORDS,
    And,
    Comparison,
    Expression,
    In,
    IsNull,
    Leaf,
    Like,
    Operator,
    Or,
    Template,
    Value,
    conjunction,
    leaves,
    render,
    replace,
)

__all__ = [
    "And",
    "CeqlError",
    "Comparison",
    "Expression",
    "In",
    "IsNull",
    "Leaf",
    "Like",
    "Operator",
    "Or",
    "Template",
    "Value",
    "conjunction",
    "leaves",
    "parse",
    "render",
    "replace",
]

DEEPEST_NESTING = 32
MOST_VALUES = 1000
_LONGEST_NUMBER = 40


def parse(text: str | Sequence[object]) -> Expression:
    """The tree of a `where`. Raises CeqlError.

    Given parts instead of a text, each part that is no text counts as one opaque character: it may
    stand in a quoted literal, whatever quotes its own spelling has, or as a value by itself.
    """
    source = Source((text,) if isinstance(text, str) else tuple(text))
    return _Parser(source).whole()


class _Parser:
    """Recursive descent: any (OR) of all (AND) of terms."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._tokens = list(scan(source))
        self._index = 0

    def whole(self) -> Expression:
        expression = self._any(0)
        if self._peek().kind != "end":
            raise self._expected("AND, OR or the end")
        return expression

    def _any(self, depth: int) -> Expression:
        conditions = [self._all(depth)]
        while self._take_keyword("OR"):
            conditions.append(self._all(depth))
        return Or(conditions=tuple(conditions)) if len(conditions) > 1 else conditions[0]

    def _all(self, depth: int) -> Expression:
        conditions = [self._term(depth)]
        while self._take_keyword("AND"):
            conditions.append(self._term(depth))
        return And(conditions=tuple(conditions)) if len(conditions) > 1 else conditions[0]

    def _term(self, depth: int) -> Expression:
        if not self._take_punctuation("("):
            return self._leaf()
        if depth == DEEPEST_NESTING:
            raise self._error(f"parentheses may be nested {DEEPEST_NESTING} deep")
        inner = self._any(depth + 1)
        self._require(")")
        return inner

    def _leaf(self) -> Leaf:
        field = self._field()
        token = self._peek()
        if token.kind == "operator":
            self._index += 1
            return Comparison(field=field, operator=Operator(token.text), value=self._value())
        for word, read in self._WORDS.items():
            if self._take_keyword(word):
                return read(self, field)
        raise self._expected(f"=, !=, <, >, <=, >=, LIKE, IN or IS after '{field}'")

    def _in(self, field: str) -> In:
        self._require("(")
        values = [self._value()]
        while self._take_punctuation(","):
            values.append(self._value())
        if len(values) > MOST_VALUES:
            raise self._error(f"IN takes {MOST_VALUES} values at most")
        self._require(")")
        return In(field=field, values=tuple(values))

    def _like(self, field: str) -> Like:
        if self._peek().kind != "text":
            raise self._expected("a pattern in single quotes after LIKE")
        return Like(field=field, pattern=self._text())

    def _is_null(self, field: str) -> IsNull:
        negated = self._take_keyword("NOT")
        if not self._take_keyword("NULL"):
            raise self._expected("NULL" if negated else "NULL or NOT NULL")
        return IsNull(field=field, negated=negated)

    _WORDS: Mapping[str, Callable[[_Parser, str], Leaf]] = {
        "IN": _in,
        "LIKE": _like,
        "IS": _is_null,
    }

    def _field(self) -> str:
        token = self._peek()
        if token.kind == "quoted_name":
            name = token.text[1:-1].replace("``", "`")
            if self._source.holes(token):
                raise self._expected("a field name")
        elif token.kind == "word" and token.text.upper() not in KEYWORDS:
            name = token.text
        else:
            raise self._expected("a field name (odd ones in back-quotes)")
        self._index += 1
        return name

    def _value(self) -> Value:
        token = self._peek()
        if token.kind == "text":
            return self._text()
        if token.kind == "number":
            return self._number()
        if token.kind == "opaque" and token.start in self._source.opaque:
            self._index += 1
            return Template(parts=(self._source.opaque[token.start],), quoted=False)
        if token.is_keyword("NULL"):
            raise self._expected("a value (write IS NULL or IS NOT NULL)")
        if self._take_keyword("TRUE"):
            return True
        if not self._take_keyword("FALSE"):
            raise self._expected("a value (a text in single quotes, a number, true or false)")
        return False

    def _text(self) -> str | Template:
        token = self._peek()
        self._index += 1
        return self._source.literal(token)

    def _number(self) -> int | float:
        text = self._peek().text
        is_whole = text.lstrip("+-").isdecimal()
        number = int(text) if is_whole and len(text) <= _LONGEST_NUMBER else float(text)
        if not isfinite(number) or len(text) > _LONGEST_NUMBER:
            raise self._error("this number is too large")
        self._index += 1
        return number

    def _peek(self) -> Token:
        return self._tokens[self._index]

    def _take_keyword(self, word: str) -> bool:
        taken = self._peek().is_keyword(word)
        self._index += taken
        return taken

    def _take_punctuation(self, text: str) -> bool:
        token = self._peek()
        taken = token.kind == "punctuation" and token.text == text
        self._index += taken
        return taken

    def _require(self, text: str) -> None:
        if not self._take_punctuation(text):
            raise self._expected(f"'{text}'")

    def _expected(self, what: str) -> CeqlError:
        token = self._peek()
        shown = token.text[:40].replace(OPAQUE, "?")
        found = "the end" if token.kind == "end" else f"'{shown}'"
        if token.kind == "opaque":
            found = str(self._source.opaque.get(token.start, found))
        return self._error(f"expected {what}, found {found}")

    def _error(self, message: str) -> CeqlError:
        return self._source.error(message, self._peek().start)
