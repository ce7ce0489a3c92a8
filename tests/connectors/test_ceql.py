from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from daemon.connectors.ceql import (
    And,
    CeqlError,
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
    parse,
    render,
    replace,
)


@dataclass(frozen=True)
class Hole:
    """Something the language does not look into, with quotes in its own spelling."""

    text: str = "${date:yyyy'T'HH}"

    def __str__(self) -> str:
        return self.text


HOLE = Hole()


def compare(field: str, operator: str, value: Value) -> Comparison:
    return Comparison(field=field, operator=Operator(operator), value=value)


A, B, C = (compare(name, "=", 1) for name in "abc")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("Type='Contact'", compare("Type", "=", "Contact")),
        ("n != 3", compare("n", "!=", 3)),
        ("n<-3.5", compare("n", "<", -3.5)),
        ("n > +3e2", compare("n", ">", 300.0)),
        ("n<=.5", compare("n", "<=", 0.5)),
        ("n >= 0", compare("n", ">=", 0)),
        ("open=TRUE", compare("open", "=", True)),
        ("open = false", compare("open", "=", False)),
        ("name='it''s'", compare("name", "=", "it's")),
        ("name=''", compare("name", "=", "")),
        ("name=''''", compare("name", "=", "'")),
        ("name='a and b (or) <'", compare("name", "=", "a and b (or) <")),
        ("Address/City='x'", compare("Address/City", "=", "x")),
        ("user.id = 1", compare("user.id", "=", 1)),
        ("_info.größe = 1", compare("_info.größe", "=", 1)),
        ("`Udf/$NAME(a\\b c)` = 1", compare("Udf/$NAME(a\\b c)", "=", 1)),
        ("`and``or`=1", compare("and`or", "=", 1)),
        ("Name LIKE 'A%'", Like(field="Name", pattern="A%")),
        ("Name like '%''%'", Like(field="Name", pattern="%'%")),
        ("Type IN ('a', 2,true)", In(field="Type", values=("a", 2, True))),
        ("Type in('a')", In(field="Type", values=("a",))),
        ("x is null", IsNull(field="x")),
        ("x Is Not Null", IsNull(field="x", negated=True)),
        ("a=1 AND b=1 AND c=1", And(conditions=(A, B, C))),
        ("a=1 OR b=1 OR c=1", Or(conditions=(A, B, C))),
        ("a=1 OR b=1 AND c=1", Or(conditions=(A, And(conditions=(B, C))))),
        ("a=1 and b=1 or c=1", Or(conditions=(And(conditions=(A, B)), C))),
        ("(a=1 OR b=1) AND c=1", And(conditions=(Or(conditions=(A, B)), C))),
        ("((a=1))", A),
        ("a=1 AND (b=1 AND c=1)", And(conditions=(A, And(conditions=(B, C))))),
        (" a = 1\n\tAND b=1 ", And(conditions=(A, B))),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_a_where_is_read(text: str, tree: Expression) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("parts", "value"),
    [
        (["d>'", HOLE, "'"], Template(parts=(HOLE,))),
        (["d>'", HOLE, "T00:00:00'"], Template(parts=(HOLE, "T00:00:00"))),
        (["d>'it''s ", HOLE, HOLE, "'"], Template(parts=("it's ", HOLE, HOLE))),
        (["d>", HOLE], Template(parts=(HOLE,), quoted=False)),
    ],
    ids=["alone", "with text", "several", "without quotes"],
)
def test_an_opaque_part_stands_in_a_value_whatever_its_spelling(
    parts: list[object], value: Template
) -> None:
    tree = parse(parts)
    assert tree == compare("d", ">", value)
    spelled = "".join(str(part) for part in parts)
    assert render(tree) == spelled


def test_a_nul_character_is_text_and_no_opaque_part() -> None:
    assert parse("a='\0'") == compare("a", "=", "\0")
    with pytest.raises(CeqlError):
        parse("a=\0")


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 0, "expected a field name .*, found the end"),
        ("a", 1, "expected =, !=, .* after 'a', found the end"),
        ("a=", 2, "expected a value"),
        ("a = null", 4, "write IS NULL"),
        ("a=Contact", 2, "a text in single quotes.*found 'Contact'"),
        ("a='x", 2, "the quote ' is never closed"),
        ("a='x''", 2, "the quote ' is never closed"),
        ("`a=1", 0, "the quote ` is never closed"),
        ("a=1 b=2", 4, "expected AND, OR or the end, found 'b'"),
        ("a=1 AND", 7, "expected a field name"),
        ("AND=1", 0, "odd ones in back-quotes"),
        ("'a'=1", 0, "expected a field name"),
        ("(a=1", 4, r"expected '\)', found the end"),
        ("a=1)", 3, "expected AND, OR or the end"),
        ("()", 1, "expected a field name"),
        ("a IN 1", 5, r"expected '\('"),
        ("a IN ()", 6, "expected a value"),
        ("a IN (1 2)", 8, r"expected '\)'"),
        ("a LIKE 1", 7, "a pattern in single quotes"),
        ("a IS 1", 5, "expected NULL or NOT NULL"),
        ("a IS NOT 1", 9, "expected NULL"),
        ("a NOT LIKE 'x'", 2, "expected =, !="),
        ("a # 1", 2, "'#' means nothing here"),
        ("a == 1", 3, "expected a value"),
        ("a=1.2.3", 2, "means nothing here"),
        ("a=" + "9" * 41, 2, "too large"),
        ("a=1e999", 2, "too large"),
        ("a='" + "x" * 8192 + "'", 8192, "8192 characters at most"),
        ("(" * 33 + "a=1" + ")" * 33, 33, "nested 32 deep"),
        ("a IN (" + "1," * 1000 + "1)", 2007, "1000 values at most"),
    ],
    ids=lambda case: case[:20] if isinstance(case, str) else "",
)
def test_a_fault_says_what_was_expected_and_where(text: str, position: int, words: str) -> None:
    with pytest.raises(CeqlError, match=words) as refused:
        parse(text)
    assert refused.value.position == position
    assert str(refused.value).endswith(f"(at character {position + 1} of the where)")


def test_the_position_of_a_fault_counts_opaque_parts_as_they_are_spelled() -> None:
    with pytest.raises(CeqlError) as refused:
        parse(["a>'", HOLE, "' oops"])
    assert refused.value.position == len(f"a>'{HOLE}' ")


def test_an_opaque_part_is_no_operator_and_no_name() -> None:
    for parts in (["a ", HOLE], [HOLE, "=1"], ["`x", HOLE, "`=1"]):
        with pytest.raises(CeqlError, match="found"):
            parse(parts)


def test_parentheses_may_be_nested_as_deep_as_the_limit() -> None:
    assert parse("(" * 32 + "a=1" + ")" * 32) == A


def test_an_instant_is_written_as_utc() -> None:
    paris = timezone(timedelta(hours=1))
    tree = compare("d", ">=", datetime(2024, 1, 1, 1, 0, 0, 5, tzinfo=paris))
    assert render(tree) == "d>='2024-01-01T00:00:00.000005Z'"


def test_opaque_parts_are_spelled_as_the_caller_says() -> None:
    assert render(parse(["d>'", HOLE, "'"]), lambda part: type(part).__name__) == "d>'Hole'"


def test_the_leaves_come_in_the_order_written() -> None:
    tree = parse("a=1 AND (b=2 OR c IS NULL) AND d IN (1)")
    assert [leaf.field for leaf in leaves(tree)] == ["a", "b", "c", "d"]


def dropping(*names: str) -> Callable[[Leaf], Leaf | None]:
    return lambda leaf: None if leaf.field in names else leaf


@pytest.mark.parametrize(
    ("text", "dropped", "left"),
    [
        ("a=1 AND b=1", "a", "b=1"),
        ("a=1 AND b=1 AND c=1", "b", "a=1 AND c=1"),
        ("a=1 AND b=1", "ab", None),
        ("a=1 OR b=1", "a", None),
        ("(a=1 OR b=1) AND c=1", "a", "c=1"),
        ("a=1 AND b=1 OR c=1", "a", "b=1 OR c=1"),
        ("a=1", "a", None),
        ("a=1", "x", "a=1"),
    ],
)
def test_a_condition_that_always_holds_leaves_an_and_and_settles_an_or(
    text: str, dropped: str, left: str | None
) -> None:
    tree = replace(parse(text), dropping(*dropped))
    assert (render(tree) if tree else None) == left


def test_a_conjunction_leaves_out_what_always_holds() -> None:
    assert conjunction() is None
    assert conjunction(None, A, None) == A
    assert conjunction(A, None, B) == And(conditions=(A, B))


NAMES = st.one_of(
    st.text(min_size=1, max_size=12),
    st.from_regex(r"[A-Za-z_]\w*([./]\w+)?", fullmatch=True),
    st.sampled_from(["and", "In", "NULL", "a`b", "Udf/$NAME(x)"]),
)
HOLES = st.builds(Hole, st.sampled_from(["${a}", "${b'}", "''"]))
TEMPLATES = (
    st.lists(st.one_of(HOLES, st.text(min_size=1, max_size=5)), min_size=1, max_size=4)
    .filter(lambda parts: any(isinstance(part, Hole) for part in parts))
    .map(lambda parts: Template(parts=merged(parts)))
)
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.text(max_size=12),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    TEMPLATES,
    HOLES.map(lambda hole: Template(parts=(hole,), quoted=False)),
)
LEAVES: st.SearchStrategy[Expression] = st.one_of(
    st.builds(Comparison, field=NAMES, operator=st.sampled_from(Operator), value=VALUES),
    st.builds(In, field=NAMES, values=st.lists(VALUES, min_size=1, max_size=4).map(tuple)),
    st.builds(Like, field=NAMES, pattern=st.one_of(st.text(max_size=12), TEMPLATES)),
    st.builds(IsNull, field=NAMES, negated=st.booleans()),
)


def merged(parts: list[Hole | str]) -> tuple[object, ...]:
    """Texts beside each other are one part once they are read."""
    result: list[object] = []
    for part in parts:
        if isinstance(part, str) and result and isinstance(result[-1], str):
            result[-1] += part
        else:
            result.append(part)
    return tuple(result)


def groups(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(And, conditions=several), st.builds(Or, conditions=several))


TREES = st.recursive(LEAVES, groups, max_leaves=8)


@given(TREES)
def test_what_is_written_is_read_back_as_the_same_tree(tree: Expression) -> None:
    holes: list[Hole] = []

    def show(part: object) -> str:
        assert isinstance(part, Hole)
        holes.append(part)
        return "\ue000"

    texts = render(tree, show).split("\ue000")
    assume(len(texts) == len(holes) + 1)
    parts: list[object] = [texts[0]]
    for hole, text in zip(holes, texts[1:], strict=True):
        parts += [hole, text]
    assert parse(parts) == tree
    assert repr(parse(parts)) == repr(tree)


@given(st.text(alphabet="ab1.'`() =<>!%,\0andorlikenulltrue", max_size=40))
def test_any_text_is_either_read_or_refused_with_a_position_in_it(text: str) -> None:
    try:
        tree = parse(text)
    except CeqlError as refused:
        position = refused.position
    else:
        position = 0
        assert parse(render(tree)) == tree
    assert 0 <= position <= len(text)


def test_an_instant_among_the_values_reads_as_text() -> None:
    tree = compare("d", ">=", datetime(2024, 1, 1, tzinfo=UTC))
    assert parse(render(tree)) == compare("d", ">=", "2024-01-01T00:00:00Z")
