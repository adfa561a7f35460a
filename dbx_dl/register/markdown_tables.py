"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from dbx_dl.runtime.markdown_texts import escape_cell


def write_table(table: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; the first row is its header."""
    header, *rows = table
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(escape_cell, line)) + " |" for line in lines)
