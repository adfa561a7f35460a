"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def write_table(table: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; the first row is its header."""
    header, *rows = table
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_escape(cell) for cell in line) + " |" for line in lines)


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
