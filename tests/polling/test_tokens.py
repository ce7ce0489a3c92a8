from __future__ import annotations

import pytest

from daemon.polling.tokens import Field, PatternError, tokenize


def spelled(pattern: str) -> list[str]:
    return [
        token if isinstance(token, str) else f"<{token.letter * token.count}>"
        for token in tokenize(pattern)
    ]


@pytest.mark.parametrize(
    ("pattern", "tokens"),
    [
        ("yyyy-MM-dd'T'HH", ["<yyyy>", "-", "<MM>", "-", "<dd>", "T", "<HH>"]),
        ("yyyy'''s'", ["<yyyy>", "'s"]),
        ("yyyy'o''clock'", ["<yyyy>", "o'clock"]),
        ("''yyyy''", ["'", "<yyyy>", "'"]),
        ("yyyy.'MM' ", ["<yyyy>", ".MM "]),
        ("yyyyMM", ["<yyyy>", "<MM>"]),
        ("yyyy'", ["<yyyy>"]),
    ],
)
def test_a_pattern_falls_into_fields_and_literals(pattern: str, tokens: list[str]) -> None:
    assert spelled(pattern) == tokens


def test_a_field_knows_where_it_stands() -> None:
    assert tokenize("'at' yyyy")[1] == Field(letter="y", count=4, position=5)


@pytest.mark.parametrize(
    ("pattern", "position", "words"),
    [
        ("", 0, "1 to 100 characters"),
        ("y" * 101, 0, "1 to 100 characters"),
        ("yyyy-MM-dd'T", 10, "never closed"),
        ("'T yyyy", 0, "never closed"),
        ("yyyy-qq", 5, "'q' is unknown"),
        ("YYYY-MM-dd", 0, "year of the week"),
        ("yyyy-MM-DD", 8, "day of the year"),
        ("yyyy-MM-ddXXXX", 10, "three times at most"),
        ("yyyy zzzz", 5, "full zone names"),
        ("HH:mm", 3, "the minute but no year"),
        ("yyyy-MM HH", 8, "the hour but no day"),
        ("yyyy-MM-dd HH:mm.SSS", 17, "the fraction of a second but no second"),
        ("'now'", 0, "no year"),
        ("yyyy-MM-dd hh:mm", 11, "needs 'a'"),
        ("yyyy-MM-dd KK", 11, "needs 'a'"),
    ],
)
def test_a_pattern_that_cannot_work_is_refused_with_the_position(
    pattern: str, position: int, words: str
) -> None:
    with pytest.raises(PatternError, match=words) as refused:
        tokenize(pattern)
    assert refused.value.position == position
    assert f"at character {position + 1} of the date pattern" in str(refused.value)
