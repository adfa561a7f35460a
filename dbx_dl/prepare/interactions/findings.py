"""What of the interactions is not learned, or not recommended, in sentences."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dbx_dl.config.interactions import HISTORY, LAST_OUT
from dbx_dl.contracts import SPLITS
from dbx_dl.prepare.interactions.users import MAX_KNOWN
from dbx_dl.transforms.raw_histories import TIED

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from dbx_dl.config import InteractionsConfig
    from dbx_dl.contracts import Split

logger = logging.getLogger(__name__)


def warn_of_losses(
    good: DataFrame,
    looked: DataFrame,
    interactions: InteractionsConfig,
    num_rare: int,
    split_rows: Mapping[Split, int],
    cut: Sequence[str],
) -> tuple[str, ...]:
    """Sentences about what is left out, which are logged too.

    `looked` are all usable interactions, `good` those that became rows, `split_rows` how many these are; `num_rare`
    items are not recommended; of the columns `cut` some values are not known.
    """
    found = _count_splits(looked)
    sentences = [
        *_tell_of_rows(found, interactions),
        *_tell_of_items(found, interactions, num_rare, split_rows),
        *(_tell_of_values(name, interactions) for name in cut),
    ]
    if num_full := int(good.where(f"size({HISTORY}) >= {interactions.max_history}").count()):
        sentences.append(
            f"{num_full} histories have {interactions.max_history} items, the most that max_history allows: what "
            "was chosen before those is neither read nor kept out of recommendations"
        )
    for sentence in sentences:
        logger.warning("%s", sentence)
    return tuple(sentences)


def _count_splits(looked: DataFrame) -> dict[str | None, tuple[int, int]]:
    """Interactions by split, None for those that are not learned, and how many of them are tied."""
    from pyspark.sql import functions as F

    counts = looked.groupBy(LAST_OUT).agg(F.count("*").alias("rows"), F.count_if(TIED).alias("tied"))
    return {row[LAST_OUT]: (row["rows"], row["tied"]) for row in counts.collect()}


def _tell_of_rows(found: Mapping[str | None, tuple[int, int]], interactions: InteractionsConfig) -> list[str]:
    sentences, total = [], sum(rows for rows, _ in found.values())
    if num_left := found.get(None, (0, 0))[0]:
        sentences.append(
            f"{num_left} of {total} interactions are not learned: their item is in the history, or their "
            f"user has fewer than {interactions.min_user_count} interactions"
        )
    if num_tied := sum(tied for _, tied in found.values()):
        sentences.append(
            f"{num_tied} of {total} interactions have the time of another one of their user: they are in no history of "
            "each other, and in later histories in no order that means anything"
        )
    return sentences


def _tell_of_items(
    found: Mapping[str | None, tuple[int, int]],
    interactions: InteractionsConfig,
    num_rare: int,
    split_rows: Mapping[Split, int],
) -> list[str]:
    if not num_rare:
        return []
    lost = {split: found.get(split, (0, 0))[0] - split_rows[split] for split in SPLITS}
    listed = ", ".join(f"{split} {rows}" for split, rows in lost.items())
    return [
        f"{num_rare} items are not recommended: they have fewer than {interactions.min_item_count} training "
        f"rows, or are new since the table was made; their {sum(lost.values())} rows are left out ({listed}), so that "
        "metrics do not count them as misses"
    ]


def _tell_of_values(name: str, interactions: InteractionsConfig) -> str:
    what = "column" if name != interactions.user else "the users' column"
    return (
        f"{what} {name!r} has more than {MAX_KNOWN} values in the training rows: the {MAX_KNOWN} most frequent are "
        "known, others count as unknown; min_user_count leaves out users of few interactions"
    )
