"""Interactions become rows with what was chosen before, as a loop over the users finds it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dbx_dl import prepare_table
from dbx_dl.config import InteractionsConfig, PrepareTableConfig
from dbx_dl.contracts import HistorySpec, PreparedTable
from dbx_dl.errors import DataError
from dbx_dl.prepare.interactions.users import list_frequent
from dbx_dl.runtime.row_sources import read_rows
from dbx_dl.runtime.source_columns import MALFORMED_COLUMN
from dbx_dl.runtime.tables import read_pinned
from dbx_dl.transforms.raw_histories import PROBLEM, cut_last_histories, observe

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

START = datetime(2024, 5, 1)
# What each user chose, in order; u1 chooses "a" and "b" again, u4 has too few rows for all splits.
CHOICES = {
    "u1": ["a", "b", "a", "c", "b", "e"],
    "u2": ["b", "c", "a", "e"],
    "u3": ["c", "d", "b", "a"],
    "u4": ["a", "e"],
    "u|5": ["b", "e", "c", "a", "f"],
}
INTERACTIONS = InteractionsConfig(
    user="who",
    item="what",
    time="when",
    user_columns=("town",),
    item_columns=("kind",),
    max_history=3,
    min_item_count=1,
)


def list_lines() -> list[tuple[Any, ...]]:
    """Lines in another order than the times say; a kind is known of some items, by their later interactions."""
    lines = []
    for number, (user, items) in enumerate(CHOICES.items()):
        for place, item in enumerate(items):
            moment = (START + timedelta(days=10 * place + number)).isoformat()
            kind = {"a": "vowel", "e": "vowel", "b": "consonant"}.get(item) if place else None
            lines.append((user, item, moment, f"town{number % 2}", kind))
    return lines[::-1]


def expect(interactions: InteractionsConfig) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for user, items in CHOICES.items():
        own = []
        for place, item in enumerate(items):
            history = items[max(0, place - interactions.max_history) : place]
            if not (interactions.exclude_seen and item in history):
                own.append((f"{user}|{place + 1}", {"who": user, "history": history, "label": item}))
        splits = ["train"] * len(own)
        if len(own) >= 3:
            splits[-2:] = ["validation", "test"]
        for (key, row), split in zip(own, splits, strict=True):
            rows[key] = {**row, "split": split}
    counts = Counter(row["label"] for row in rows.values() if row["split"] == "train")
    ranked = sorted(counts, key=lambda item: (-counts[item], item))
    kept = {key: row for key, row in rows.items() if row["label"] in ranked}
    for row in kept.values():
        unseen = [item for item in ranked if not (interactions.exclude_seen and item in row["history"])]
        row["popularity_rank"] = unseen.index(row["label"]) + 1
        row["label_index"] = sorted(ranked).index(row["label"])
    return kept


def prepare(spark: SparkSession, place: Path, interactions: InteractionsConfig, lines: Any = None) -> PreparedTable:
    frame = spark.createDataFrame(
        lines or list_lines(), "who string, what string, when string, town string, kind string"
    )
    frame.write.mode("overwrite").parquet(str(place / "source"))
    config = PrepareTableConfig(
        source=str(place / "source"),
        source_format="parquet",
        table=str(place / "table"),
        key="id",
        label="what",
        interactions=interactions,
    )
    return prepare_table(spark, config)


def collect(spark: SparkSession, prepared: PreparedTable) -> dict[str, dict[str, Any]]:
    names = ("who", "history", "label", "split", "popularity_rank", "label_index")
    rows = read_pinned(spark, prepared.table).select("id", *names).collect()
    return {row["id"]: {name: row[name] for name in names} for row in rows}


def test_rows_are_those_of_a_loop(spark: SparkSession, tmp_path: Path) -> None:
    bad = [(None, "a", "2024-05-01", "t", "k"), ("u2", "", "2024-05-01", "t", "k"), ("u2", "a", "soon", "t", "k")]
    prepared = prepare(spark, tmp_path, INTERACTIONS, [*list_lines(), *bad])
    expected = expect(INTERACTIONS)
    assert collect(spark, prepared) == expected
    assert "u|5|5" not in expected and "u1|3" not in expected
    assert prepared.reject_reasons == {"no_user": 1, "no_item": 1, "not_a_datetime": 1}
    target, spec = prepared.target, prepared.inputs
    assert isinstance(spec, HistorySpec) and target.ranking is not None
    assert spec.history.vocabulary == target.label_names
    assert [user.column for user in spec.users] == ["who", "town"]
    (kinds,) = target.ranking.item_columns
    named = {
        name: (("", *kinds.vocabulary)[number]) for name, number in zip(target.label_names, kinds.ids, strict=True)
    }
    assert (named["a"], named["b"], named["c"]) == ("vowel", "consonant", "")
    ranks = Counter(row["popularity_rank"] for row in expected.values() if row["split"] == "test")
    assert prepared.statistics.popularity["test"][:5] == tuple(ranks[rank] for rank in range(1, 6))
    assert any("not learned" in warning for warning in prepared.statistics.warnings)
    # "f" was chosen once, last of all.
    (told,) = (warning for warning in prepared.statistics.warnings if "not recommended" in warning)
    assert told.startswith("1 items are not recommended") and "their 1 rows are left out" in told
    assert "(train 0, validation 0, test 1)" in told
    # Nothing changed: nothing is committed.
    again = prepare(spark, tmp_path, INTERACTIONS, [*list_lines(), *bad])
    assert again.table == prepared.table


def test_seen_items_may_be_chosen_again(spark: SparkSession, tmp_path: Path) -> None:
    interactions = INTERACTIONS.model_copy(update={"exclude_seen": False, "item_columns": ()})
    prepared = prepare(spark, tmp_path, interactions)
    assert collect(spark, prepared) == expect(interactions)
    assert prepared.target.ranking is not None and not prepared.target.ranking.excludes_seen


def test_later_interactions_join_what_is_known(spark: SparkSession, tmp_path: Path) -> None:
    first = prepare(spark, tmp_path, INTERACTIONS)
    later = [
        ("u4", "c", "2025-01-01", "t", None),
        ("u9", "zebra", "2025-01-02", "t", "new"),
        ("u9", "a", "2025-01-03", "t", None),
    ]
    second = prepare(spark, tmp_path, INTERACTIONS, [*list_lines(), *later])
    assert second.table.version > first.table.version
    assert (second.inputs, second.target) == (first.inputs, first.target)
    rows = collect(spark, second)
    assert {key: rows[key]["split"] for key in ("u4|1", "u4|2", "u4|3")} == {
        "u4|1": "train",
        "u4|2": "validation",
        "u4|3": "test",
    }
    # An item that is not known is no label, but stays in the history; its user is known when the table is made anew.
    assert "u9|1" not in rows and rows["u9|2"]["history"] == ["zebra"]
    assert any("new since the table was made" in warning for warning in second.statistics.warnings)


def test_a_table_of_one_item_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"0 items have 4 training rows: .*lower min_item_count"):
        prepare(spark, tmp_path, INTERACTIONS.model_copy(update={"min_item_count": 4}))


def test_users_have_their_last_items(spark: SparkSession) -> None:
    frame = spark.createDataFrame(list_lines(), "who string, what string, when string, town string, kind string")
    observed = observe(frame, INTERACTIONS, (), "_malformed")
    rows = cut_last_histories(observed.where(f"{PROBLEM} IS NULL"), INTERACTIONS).collect()
    assert {row["who"]: row["history"] for row in rows} == {user: items[-3:] for user, items in CHOICES.items()}
    assert {row["who"]: row["town"] for row in rows}["u2"] == "town1"


def test_what_was_chosen_at_once_is_in_no_history_of_each_other(spark: SparkSession, tmp_path: Path) -> None:
    """Days with baskets: in the order of items, the next one of a basket would always sort after the newest one."""
    baskets = {
        "u1": ["abc", "de", "f", "gh"],
        "u2": ["fga", "bb", "cde"],  # "b" twice on one day
        "u3": ["ehgfdbac", "i"],  # two days: too few for three splits
    }
    lines = [
        (user, item, f"2024-05-{day:02d}", "t", None)
        for user, days in baskets.items()
        for day, basket in enumerate(days, start=1)
        for item in basket
    ]
    interactions = INTERACTIONS.model_copy(update={"max_history": 4, "item_columns": ()})
    prepared = prepare(spark, tmp_path, interactions, lines)
    rows = list(collect(spark, prepared).values())
    counts = Counter(row["label"] for row in rows if row["split"] == "train")
    ranked = sorted(counts, key=lambda item: (-counts[item], item))
    found: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        (day,) = (place for place, basket in enumerate(baskets[row["who"]]) if row["label"] in basket)
        assert found.setdefault((row["who"], day), [row["split"], row["history"]]) == [row["split"], row["history"]]
        before = baskets[row["who"]][:day]
        assert len(row["history"]) == min(4, len("".join(before)))
        assert set(row["history"]) <= set("".join(before))
        unseen = [item for item in ranked if item not in row["history"]]
        assert row["popularity_rank"] == unseen.index(row["label"]) + 1
    splits = {place: split for place, (split, _) in found.items()}
    assert splits == {
        **{("u1", day): split for day, split in enumerate(["train", "train", "validation", "test"])},
        **{("u2", day): split for day, split in enumerate(["train", "validation", "test"])},
        **{("u3", day): "train" for day in range(2)},
    }
    assert set(found["u1", 3][1][1:3]) == {"d", "e"} and found["u1", 3][1][3] == "f"
    (tied,) = (warning for warning in prepared.statistics.warnings if "have the time of another one" in warning)
    assert tied.startswith("23 of 25 interactions")
    assert [sorted(row["history"]) for row in rows if row["who"] == "u3" and row["label"] == "a"] == [[]]


def test_lines_that_are_none_are_told_first(spark: SparkSession, tmp_path: Path) -> None:
    lines = ["u2,a,2024-06-29,town1,", "u2,zebra,2024-06-30,town1,,and more", "u3,zebra"]
    (tmp_path / "choices.csv").write_text("\n".join(["who,what,when,town,kind", *lines]) + "\n")
    rows = read_rows(spark, str(tmp_path / "choices.csv"), "csv")
    observed = observe(rows, INTERACTIONS, (), MALFORMED_COLUMN).select(f"{PROBLEM}.reason").collect()
    assert [row["reason"] for row in observed] == [None, "malformed_row", "malformed_row"]


def test_of_many_users_the_most_frequent_are_known(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(name,) for name in "cccbbad"] + [(None,)], "who string")
    assert list_frequent(rows, "who", 2) == (("b", "c"), True)
    assert list_frequent(rows, "who", 4) == (("a", "b", "c", "d"), False)
