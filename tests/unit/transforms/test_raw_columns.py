"""What counts as a number in text, by the pattern that Spark gets."""

from __future__ import annotations

import re
import time

from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.transforms.raw_columns import _NUMBER

# Digits before and behind a point, either of which may be absent.
_PLAIN = re.compile(r"\s*[+-]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*", re.ASCII)


@given(st.text(st.sampled_from("019.+-eE x"), max_size=12))
def test_numbers_are_digits_with_a_point_and_an_exponent(text: str) -> None:
    assert (re.search(_NUMBER, text) is not None) == (_PLAIN.fullmatch(text) is not None)


def test_many_digits_before_a_letter_take_no_time() -> None:
    started = time.perf_counter()
    assert re.search(_NUMBER, "1" * 100_000 + "x") is None
    assert time.perf_counter() - started < 20  # by the square of their number it would be minutes
