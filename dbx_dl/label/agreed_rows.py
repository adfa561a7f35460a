"""Items on whose label annotators agree, as rows; and which items are left out, for which reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.config.label import ResolveConfig
    from dbx_dl.contracts import LabelEvent

    # What an item's label has several of, and the share of its annotators who gave it.
    Shared = tuple[Any, float]


def count_reasons(*, few: int = 0, ties: int = 0, unsure: int = 0) -> Counter[str]:
    """Items that are left out, by reason."""
    found = {"with too few annotators": few, "with a tie": ties, "with too little confidence": unsure}
    return Counter({reason: num for reason, num in found.items() if num})


@dataclass(frozen=True)
class ItemFacts:
    """What all labels of an item share, their source, and when the last of them was given."""

    source: str
    labelled_at: datetime


def find_facts(rows: Iterable[tuple[str, str, datetime]]) -> dict[str, ItemFacts]:
    """Facts by key, of rows of key, source and moment."""
    found: dict[str, ItemFacts] = {}
    for key, source, moment in rows:
        if key not in found or found[key].labelled_at < moment:
            found[key] = ItemFacts(source, moment)
    return found


def judge_items(
    num_annotators: NDArray[np.int64],
    confidences: NDArray[np.float64],
    is_tied: NDArray[np.bool_],
    resolve: ResolveConfig,
) -> tuple[NDArray[np.bool_], Counter[str]]:
    """Which items are kept, and why the others are not."""
    has_few = num_annotators < resolve.min_annotators
    is_open = ~has_few & is_tied & (resolve.ties == "leave")
    is_unsure = ~has_few & ~is_open & (confidences < resolve.min_confidence)
    reasons = count_reasons(few=int(has_few.sum()), ties=int(is_open.sum()), unsure=int(is_unsure.sum()))
    return ~(has_few | is_open | is_unsure), reasons


def to_rows(
    keys: list[str],
    labels: pa.Array,
    confidences: NDArray[np.float64],
    num_annotators: NDArray[np.int64],
    facts: Mapping[str, ItemFacts],
) -> pa.Table:
    """Columns key, label, confidence, num_annotators, source and labelled_at."""
    import pyarrow as pa

    columns = {
        "key": pa.array(keys, pa.string()),
        "label": labels,
        "confidence": pa.array(confidences, pa.float64()),
        "num_annotators": pa.array(num_annotators, pa.int64()),
        "source": pa.array([facts[key].source for key in keys], pa.string()),
        "labelled_at": pa.array([facts[key].labelled_at for key in keys], pa.timestamp("us", tz="UTC")),
    }
    return pa.table(columns)


def agree_on_parts(
    events: Sequence[LabelEvent],
    resolve: ResolveConfig,
    share: Callable[[Sequence[LabelEvent]], Sequence[Shared]],
    label_type: pa.DataType,
) -> tuple[pa.Table, Counter[str]]:
    """Of labels with several parts those that more than half of an item's annotators gave; what is left out.

    `share` tells the parts of one item's events, which come in the order of their annotators. The confidence is the
    least of all parts'. Half of the annotators is a tie, in which `ties: frequent` leaves the part out.
    """
    import numpy as np
    import pyarrow as pa

    by_item: dict[str, list[LabelEvent]] = {}
    for event in sorted(events, key=lambda event: (event.item_key, event.annotator)):
        by_item.setdefault(event.item_key, []).append(event)
    keys = sorted(by_item)
    shared = [share(by_item[key]) for key in keys]
    num_annotators = np.array([len(by_item[key]) for key in keys], np.int64)
    confidences = np.array([min((max(s, 1 - s) for _, s in own), default=1.0) for own in shared], np.float64)
    is_tied = np.array([any(s == 0.5 for _, s in own) for own in shared], bool)
    is_kept, reasons = judge_items(num_annotators, confidences, is_tied, resolve)
    places = np.flatnonzero(is_kept).tolist()
    labels = pa.array([[part for part, s in shared[place] if s > 0.5] for place in places], label_type)
    kept = [keys[place] for place in places]
    facts = find_facts((event.item_key, event.source, event.labelled_at) for event in events)
    return to_rows(kept, labels, confidences[is_kept], num_annotators[is_kept], facts), reasons
