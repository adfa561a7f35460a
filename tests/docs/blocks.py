"""The code blocks of a Markdown page, in order, with what the comment above them says about them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
GENERATED = {ROOT / "docs" / "reference" / f"{name}.md" for name in ("commands", "config", "networks")}
LANGUAGES = {"python", "yaml", "console", "sql", "text", "mermaid", "{toctree}", "{eval-rst}"}
# A fence may be indented, in a list.
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*)\n(?P<code>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
NOTE = re.compile(r"<!-- (?P<what>file|not run): (?P<value>.+?) -->\n *$")


@dataclass(frozen=True)
class Block:
    """A block, the line it begins at, and its note: the file that it is, or the reason why it is not run."""

    page: Path
    line: int
    language: str
    code: str
    file: str = ""
    not_run: str = ""

    @property
    def place(self) -> str:
        """The page and line as messages name them."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """What is typed in a console, without what it prints."""
        return [line.removeprefix("$ ").partition(" #")[0].strip() for line in self.lines if line.startswith("$ ")]

    @property
    def lines(self) -> list[str]:
        """The code's lines."""
        return self.code.splitlines()


def list_pages() -> list[Path]:
    """README and all pages of docs/, but what is generated."""
    docs = [path for path in sorted((ROOT / "docs").rglob("*.md")) if path not in GENERATED]
    return [ROOT / "README.md", *docs]


def read_blocks(page: Path) -> list[Block]:
    """All blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [_read(page, text, match) for match in FENCE.finditer(text)]


def _read(page: Path, text: str, match: re.Match[str]) -> Block:
    note = NOTE.search(text[: match.start()])
    notes = {note["what"].replace(" ", "_"): note["value"]} if note else {}
    indent = len(match["indent"])
    code = "".join(line[indent:] for line in match["code"].splitlines(keepends=True))
    return Block(page, text.count("\n", 0, match.start()) + 1, match["language"], code, **notes)
