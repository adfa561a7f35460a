"""Every relative link and picture of README and docs/ leads to a file that is there, and every page is in the index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.blocks import FENCE, GENERATED, ROOT, list_pages

LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", list_pages(), ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [(page.parent / link).resolve() for link in LINK.findall(text)]
    assert [str(target) for target in targets if not target.exists() and target not in GENERATED] == []


def test_every_page_is_in_the_index() -> None:
    docs = ROOT / "docs"
    index = (docs / "index.md").read_text(encoding="utf-8").splitlines()
    pages = [page.relative_to(docs).with_suffix("").as_posix() for page in [*list_pages()[1:], *sorted(GENERATED)]]
    assert sorted(page for page in pages if page != "index" and page not in index) == []


def test_no_text_leads_to_a_package_registry() -> None:
    hosts = re.compile(r"pypi\.org|pythonhosted|anaconda\.org|repo1?\.maven", re.IGNORECASE)
    assert [_name(page) for page in list_pages() if hosts.search(page.read_text(encoding="utf-8"))] == []
