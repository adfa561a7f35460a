"""Markdown shows names from data, whatever they are; a reader of Markdown says what becomes HTML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.runtime.markdown_texts import escape_cell, escape_markup


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**bold** `a.b` [x](https://x) a > b", "**bold** `a.b` [x](https://x) a > b"),
        ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
        ("`x < 1`", "<code>x &lt; 1</code>"),
        ("``<script>`", "`<code>&lt;script></code>"),
        ("\\`<script>`", "\\<code>&lt;script></code>"),
    ],
)
def test_markup_is_shown_and_all_else_stays(text: str, shown: str) -> None:
    assert escape_markup(text) == shown


@given(st.text(st.sampled_from("<>`\\a|\n "), max_size=12))
def test_no_tag_but_that_of_code_is_left(text: str) -> None:
    assert "<" not in escape_markup(text).replace("<code>", "").replace("</code>", "")


def test_a_cell_is_one_line_without_bars_of_its_own() -> None:
    assert escape_cell("a|b\r\n<i>\nc") == "a\\|b &lt;i> c"
