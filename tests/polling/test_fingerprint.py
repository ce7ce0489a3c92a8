from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.polling import fingerprint
from daemon.polling.fingerprint import Fingerprint

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
CONTENTS = st.dictionaries(st.text(max_size=5), VALUES, max_size=6)


def of(content: dict[str, Any]) -> Fingerprint:
    return Fingerprint(content, content)


@given(CONTENTS, st.randoms())
def test_the_order_of_fields_does_not_matter(content: dict[str, Any], random: Any) -> None:
    names = list(content)
    random.shuffle(names)
    shuffled = {name: content[name] for name in names}
    assert of(shuffled).content_hash() == of(content).content_hash()
    assert of(shuffled).digests() == of(content).digests()


@given(CONTENTS, CONTENTS)
def test_the_fields_that_differ_are_named(before: dict[str, Any], after: dict[str, Any]) -> None:
    names = before.keys() | after.keys()
    differing = {name for name in names if _repr(before, name) != _repr(after, name)}
    stored = of(before).digests()
    assert set(Fingerprint(after, names).changed_fields(stored) or ()) == differing


def _repr(content: dict[str, Any], name: str) -> bytes | None:
    return fingerprint._canonical(content[name]) if name in content else None


def test_a_text_is_another_value_than_the_number_it_looks_like() -> None:
    stored = of({"a": 1, "b": 2}).digests()
    assert of({"a": "1", "b": 2}).changed_fields(stored) == ("a",)


def test_without_stored_digests_nobody_knows_what_has_changed() -> None:
    assert of({"a": 1}).changed_fields(None) is None


@pytest.mark.parametrize(
    "poison",
    [{"a": 2**80}, {"a": "\ud800"}, {"a": float("nan")}, {"a": {1, 2}}, {"a": b"bytes"}],
    ids=["huge", "surrogate", "nan", "set", "bytes"],
)
def test_what_json_cannot_carry_hashes_the_same_way_every_time(poison: dict[str, Any]) -> None:
    assert of(poison).content_hash() == of(dict(poison)).content_hash()
    assert of(poison).content_hash() != of({"a": "other"}).content_hash()


@given(CONTENTS, CONTENTS)
def test_stored_fields_agree_with_what_they_hold_now(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    names = before.keys() | after.keys()
    differing = {name for name in before if _repr(before, name) != _repr(after, name)}
    stored = of(before).digests()
    assert Fingerprint(after, names).agrees(stored) is not bool(differing)
    assert Fingerprint(after, names - differing).agrees(stored)


def test_projections_tell_what_they_have_in_common() -> None:
    one = fingerprint.projection(1, ["a"], ["UTC"])
    other_frame = fingerprint.projection(1, ["a"], ["EST"])
    other_fields = fingerprint.projection(1, ["a", "b"], ["UTC"])
    other_version = fingerprint.projection(2, ["a"], ["UTC"])
    compared = {
        other: (
            fingerprint.same_version(one, other),
            fingerprint.same_fields(one, other),
            fingerprint.same_frame(one, other),
        )
        for other in (one, other_frame, other_fields, other_version)
    }
    assert compared == {
        one: (True, True, True),
        other_frame: (True, True, False),
        other_fields: (True, False, True),
        other_version: (False, False, True),
    }


def test_a_projection_from_before_frames_were_told_leaves_stamps_comparable() -> None:
    early = 1 << 32 | 0xC0FFEE00
    late = fingerprint.projection(1, ["fields"], ["frame"])
    for one, other in ((early, late), (late, early)):
        assert fingerprint.same_frame(one, other)
        assert not fingerprint.same_version(one, other)
        assert not fingerprint.same_fields(one, other)


def test_ignored_fields_are_left_out() -> None:
    assert fingerprint.without({"a": 1, "b": 2}, {"b", "c"}) == {"a": 1}


def test_another_selection_of_fields_is_another_projection() -> None:
    numbers = {
        fingerprint.projection(version, selection, frame)
        for frame in ((), ("a",))
        for version in (1, 2)
        for selection in ((), ("a",), ("a", "b"), ("ab",))
    }
    assert len(numbers) == 16
    assert all(0 < number < 2**63 for number in numbers)
