"""Rows are told apart by bytes."""

import hashlib
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from dataflows.contracts.keys import dimension_hash

TWINS = [
    ("/page",),
    ("/Page",),
    ("/page ",),
    ("/pagé",),
    (unicodedata.normalize("NFD", "/pagé"),),
    ("/page😀",),
    ("",),
    (None,),
    ("ab", "c"),
    ("a", "bc"),
    ("a", None),
    (None, "a"),
    ("N",),
    ("x" * 70_000,),
]


def test_look_alikes_have_keys_of_their_own() -> None:
    assert len({dimension_hash(values) for values in TWINS}) == len(TWINS)


def test_canonical_form_is_the_documented_one() -> None:
    inner = hashlib.sha256("é".encode()).hexdigest()
    assert dimension_hash(["é", None]) == hashlib.sha256(f"V2:{inner}N".encode()).hexdigest()


@given(st.lists(st.tuples(st.none() | st.text(max_size=4), st.none() | st.text(max_size=4)), unique=True, max_size=30))
def test_distinct_tuples_have_distinct_keys(tuples: list[tuple[str | None, ...]]) -> None:
    assert len({dimension_hash(values) for values in tuples}) == len(tuples)
