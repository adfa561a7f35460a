"""How many rows were scored, and how many of them are errors, of which reasons."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dbx_dl.contracts import Finding
from dbx_dl.metrics import share_interval
from dbx_dl.monitor.operations.row_counts import OTHER_REASONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dbx_dl.config import OperationsConfig
    from dbx_dl.contracts import FindingStatus
    from dbx_dl.monitor.operations.row_counts import RowCount

ROWS, ERROR_SHARE = "rows_scored", "error_share"


def judge_errors(window: str, counts: Sequence[RowCount], config: OperationsConfig) -> Iterator[Finding]:
    """Rows of a window, the share of errors, which is judged, and the share of each reason, the most frequent first."""
    reasons: Counter[str] = Counter()
    num_rows = 0
    for count in counts:
        if count.window == window:
            num_rows += count.num_rows
            if count.reason is not None:
                reasons[count.reason] += count.num_rows
    yield Finding(
        window=window, area="operations", metric=ROWS, value=float(num_rows), num_rows=num_rows,
        status="told" if num_rows else "unsure", detail="" if num_rows else "the window has no rows",
    )  # fmt: skip
    if num_rows:
        yield _judge(window, reasons.total(), num_rows, config)
        for reason, number in _shorten(reasons, config.max_reasons):
            yield _tell(window, number, num_rows, config).model_copy(update={"part": reason})


def _judge(window: str, num_errors: int, num_rows: int, config: OperationsConfig) -> Finding:
    limit = config.max_error_share
    finding = _tell(window, num_errors, num_rows, config)
    if limit is None or finding.low is None:
        return finding
    is_passed = num_errors > limit * num_rows
    status: FindingStatus = "alert" if finding.low > limit else "warning" if is_passed else "ok"
    detail = finding.detail + (": more than the limit, within chance" if status == "warning" else "")
    return finding.model_copy(update={"limit": limit, "status": status, "detail": detail})


def _tell(window: str, num_errors: int, num_rows: int, config: OperationsConfig) -> Finding:
    low, high = share_interval(num_errors, num_rows, config.confidence)
    return Finding(
        window=window, area="operations", metric=ERROR_SHARE, value=num_errors / num_rows, low=low, high=high,
        num_rows=num_rows, detail=f"{num_errors:,} of {num_rows:,} rows",
    )  # fmt: skip


def _shorten(reasons: Counter[str], max_reasons: int) -> list[tuple[str, int]]:
    """The most frequent reasons, ties by text; what is beyond them is one."""
    ordered = sorted(reasons.items(), key=lambda item: (item[0] == OTHER_REASONS, -item[1], item[0]))
    kept, others = ordered[:max_reasons], ordered[max_reasons:]
    rest = sum(number for _, number in others)
    if not rest:
        return kept
    if kept[-1][0] == OTHER_REASONS:
        return [*kept[:-1], (OTHER_REASONS, kept[-1][1] + rest)]
    return [*kept, (OTHER_REASONS, rest)]
