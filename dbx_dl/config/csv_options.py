"""How CSV files are written."""

from __future__ import annotations

from pydantic import Field

from dbx_dl.config.section import Section


class CsvOptions(Section):
    """How CSV files are written; without a header columns are named c0, c1, …"""

    delimiter: str = Field(default=",", min_length=1)
    quote: str = Field(default='"', min_length=1, max_length=1)
    header: bool = True
