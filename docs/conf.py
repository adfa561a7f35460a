"""How Sphinx builds the site: Markdown by MyST, functions from docstrings, the generated reference written first."""

import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from dbx_dl import __version__  # noqa: E402

project = "dbx_dl"
author = "the authors of dbx_dl"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["reference/functions.rst", "reference/contracts.rst", "_site"]
html_theme = "furo"
html_title = f"dbx_dl {__version__}"
html_show_sphinx = False
myst_heading_anchors = 3
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"exclude-members": "model_config"}
# Docstrings are plain text with `code` in single quotes, not reStructuredText roles.
default_role = "code"
# Links to files outside of docs/ are text on the site; tests/docs/test_links.py follows all of them.
suppress_warnings = ["docutils", "myst.xref_missing"]


def setup(app: Any) -> None:
    """Write the generated pages before any page is read."""
    from reference_pages import write_reference

    app.connect("builder-inited", lambda _: write_reference(DOCS / "reference"))
