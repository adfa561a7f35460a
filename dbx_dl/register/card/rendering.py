"""A model card as Markdown and as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.register.markdown_tables import write_table
from dbx_dl.runtime.markdown_texts import cut_code, escape_markup

if TYPE_CHECKING:
    from dbx_dl.register.card.sections import CardSection

TEMPLATE = "card.html.j2"


def render_markdown(title: str, sections: Sequence[CardSection]) -> str:
    """The card as Markdown."""
    parts = [f"# {escape_markup(title)}"]
    for section in sections:
        parts.append(f"## {section.title}")
        parts += map(escape_markup, section.lines)
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
