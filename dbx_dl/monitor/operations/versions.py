"""Which model versions the rows of a window were scored with."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dbx_dl.contracts import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dbx_dl.monitor.operations.row_counts import RowCount

VERSION_SHARE = "model_version_share"


def tell_versions(window: str, counts: Sequence[RowCount]) -> Iterator[Finding]:
    """The share of the window's rows of each version of each model, the largest first."""
    rows: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for count in counts:
        if count.window == window:
            name = _name(count)
            rows[name] += count.num_rows
            errors[name] += 0 if count.reason is None else count.num_rows
    total = rows.total()
    for name, number in sorted(rows.items(), key=lambda item: (-item[1], item[0])):
        yield Finding(
            window=window, area="operations", metric=VERSION_SHARE, part=name, value=number / total, num_rows=total,
            detail=f"{number:,} rows, {errors[name]:,} of them errors",
        )  # fmt: skip


def _name(count: RowCount) -> str:
    model = count.model or "(unnamed model)"
    return model if count.version is None else f"{model} version {count.version}"
