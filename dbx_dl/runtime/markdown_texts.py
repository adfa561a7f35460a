"""Texts with names from data, such as classes and columns, as Markdown that shows them and does not obey them."""

from __future__ import annotations

import re

_CODE = re.compile(r"`([^`]+)`")
_LINE_BREAKS = re.compile(r"\s*[\r\n]+\s*")


def cut_code(line: str) -> list[tuple[str, bool]]:
    """A line in pieces, each with whether it is code, which stands between backticks."""
    return [(piece, number % 2 == 1) for number, piece in enumerate(_CODE.split(line))]


def escape_markup(text: str) -> str:
    """Markdown without HTML, so that `<script>` is shown; all other Markdown stays.

    Code with a `<` is written as HTML itself: whether backticks make code depends on what stands around them.
    """
    return "".join(_escape_piece(piece, is_code) for piece, is_code in cut_code(text))


def escape_cell(text: str) -> str:
    """A cell of a Markdown table, on one line."""
    return escape_markup(_LINE_BREAKS.sub(" ", text)).replace("|", "\\|")


def _escape_piece(piece: str, is_code: bool) -> str:
    if is_code and "<" not in piece:
        return f"`{piece}`"
    shown = piece.replace("<", "&lt;")
    return f"<code>{shown}</code>" if is_code else shown
