import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.sandbox.keys import Key, parse_key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Q29tcGFueQlERU1PXzRDCTA=", Key(kind="Company", id="DEMO_4C", number=0)),
        ("VGFzawkxMjg0", Key(kind="Task", id="1284", number=None)),
        (
            "QXBwb2ludG1lbnQJMQkwCUpOQVBPTEk=",
            Key(kind="Appointment", id="1", number=0, owner="JNAPOLI"),
        ),
    ],
    ids=["company", "task", "appointment"],
)
def test_keys_are_tab_separated_text_in_base64(text: str, key: Key) -> None:
    assert parse_key(text) == key
    assert key.text() == text


@pytest.mark.parametrize("text", ["", "###", "QQ==", "QQkxCXg=", "/////w=="])
def test_other_texts_are_no_keys(text: str) -> None:
    assert parse_key(text) is None


@given(st.text(st.characters(categories=["L", "N"]), min_size=1), st.integers(0, 10**9))
def test_a_key_survives_its_text(identity: str, number: int) -> None:
    key = Key(kind="Contact", id=identity, number=number)
    assert parse_key(key.text()) == key
