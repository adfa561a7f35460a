"""Whether held-out items are those of the table that the model of some predictions was trained on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dbx_dl.config.places import normalize_table
from dbx_dl.label.scores import read_scores

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.contracts import ListedVersion


def find_model_version(spark: SparkSession, scores: str, key: str) -> tuple[str, int] | None:
    """Name and version of the registered model that made all predictions of a table; None where they do not say one."""
    rows, _ = read_scores(spark, scores, key)
    if not {"model_name", "model_version"} <= set(rows.columns):
        return None
    models = rows.select("model_name", "model_version").distinct().limit(2).collect()
    if len(models) != 1 or None in models[0]:
        return None
    return str(models[0]["model_name"]), int(models[0]["model_version"])


def describe_other_table(versions: Iterable[ListedVersion], version: int, held_out: str) -> str | None:
    """A sentence where that version was trained on another table than `held_out`, whose splits may be others."""
    for one in versions:
        if one.version != version or not one.table or normalize_table(one.table) == normalize_table(held_out):
            continue
        return (
            f"{one.name} version {version} was trained on {one.table}, and held-out items are those of {held_out}: "
            "where their splits differ, the model may know these items, and be wrong more often than it seems; set "
            f"label.pseudo.held_out to {one.table}, or score with a model of {held_out}"
        )
    return None
