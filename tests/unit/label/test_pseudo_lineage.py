"""A model that was trained on another table than the one whose splits are held out is told."""

from __future__ import annotations

from pathlib import Path

from dbx_dl.contracts import ListedVersion
from dbx_dl.label.pseudo.lineage import describe_other_table


def version(number: int, table: str) -> ListedVersion:
    """A version of `cats` that was trained on that table."""
    texts = dict.fromkeys(("table_version", "framework", "network", "sha256", "run_id", "created_at", "decision"), "")
    return ListedVersion(name="cats", version=number, aliases=(), metrics={}, table=table, **texts)


def test_another_table_is_told_and_the_same_one_in_other_words_is_not() -> None:
    versions = [version(3, "tables/cats"), version(2, "tables/old"), version(1, "")]
    assert describe_other_table(versions, 3, "./tables/cats") is None
    assert describe_other_table(versions, 3, str(Path("tables/cats").absolute())) is None
    assert describe_other_table(versions, 1, "tables/cats") is None
    told = describe_other_table(versions, 2, "tables/cats")
    assert told is not None
    assert "cats version 2 was trained on tables/old, and held-out items are those of tables/cats" in told
    assert "set label.pseudo.held_out to tables/old" in told
