"""A model card as Markdown and as one HTML page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.register.markdown_tables import write_table

if TYPE_CHECKING:
    from dbx_dl.register.card.sections import CardSection

TEMPLATE = "card.html.j2"
_CODE = re.compile(r"`([^`]+)`")


def render_markdown(title: str, sections: Sequence[CardSection]) -> str:
    """The card as Markdown."""
    parts = [f"# {title}"]
    for section in sections:
        parts.append(f"## {section.title}")
        parts += section.lines
        for caption, table in section.tables:
            parts += [f"**{caption}**"] if caption else []
            parts.append(write_table(table))
    return "\n\n".join(parts) + "\n"


def render_page(title: str, sections: Sequence[CardSection], pictures: Sequence[tuple[str, str]]) -> str:
    """The card as a page, with pictures: caption and data URI each."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=templates, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["cut_code"] = cut_code
    return environment.get_template(TEMPLATE).render(title=title, sections=sections, pictures=pictures)


def cut_code(line: str) -> list[tuple[str, bool]]:
    """A line in pieces, each with whether it is code, which stands between backticks."""
    return [(piece, number % 2 == 1) for number, piece in enumerate(_CODE.split(line))]
