"""The share of errors fires above its limit beyond doubt, and reasons are shortened without losing rows."""

from __future__ import annotations

import numpy as np

from dbx_dl.config import OperationsConfig
from dbx_dl.monitor.operations.errors import judge_errors
from dbx_dl.monitor.operations.row_counts import OTHER_REASONS, RowCount


def judge(num_errors: int, num_rows: int, **options: float) -> str:
    counts = [RowCount("w", None, "m", 1, num_rows - num_errors), RowCount("w", "broken", "m", 1, num_errors)]
    found = {f.metric: f for f in judge_errors("w", counts, OperationsConfig.model_validate(options)) if not f.part}
    return found["error_share"].status


def test_a_share_at_its_limit_rarely_fires() -> None:
    random = np.random.default_rng(0)
    fired = sum(judge(int(number), 200) == "alert" for number in random.binomial(200, 0.05, 400))
    # 0.025 of 400 and three standard deviations above.
    assert fired <= 19


def test_more_errors_than_the_limit_fire_once_there_are_enough_rows() -> None:
    assert [judge(2, 20), judge(20, 200), judge(200, 2000)] == ["warning", "alert", "alert"]
    assert [judge(1, 100), judge(0, 3)] == ["ok", "ok"]
    assert [judge(9, 10, max_error_share=0.95), judge(1, 1000, max_error_share=0)] == ["ok", "alert"]
    counts = [RowCount("w", "broken", None, None, 9)]
    (_, share, _) = judge_errors("w", counts, OperationsConfig(max_error_share=None))
    assert (share.value, share.status) == (1, "told")


def test_reasons_beyond_the_most_frequent_are_one() -> None:
    numbers = {"a": 5, "b": 9, "c": 1, "d": 1, OTHER_REASONS: 7}
    counts = [RowCount("w", reason, "m", version, number) for reason, number in numbers.items() for version in (1, 2)]
    found = [f for f in judge_errors("w", counts, OperationsConfig(max_reasons=2)) if f.part]
    assert [(f.part, (f.value or 0) * f.num_rows) for f in found] == [("b", 18), ("a", 10), (OTHER_REASONS, 18)]
    all_of_them = [f for f in judge_errors("w", counts, OperationsConfig(max_reasons=5)) if f.part]
    assert all_of_them[-1].part == OTHER_REASONS and len(all_of_them) == 5


def test_a_window_without_rows_says_so() -> None:
    (rows,) = judge_errors("w", [RowCount("other", None, "m", 1, 5)], OperationsConfig())
    assert (rows.metric, rows.value, rows.status, rows.detail) == ("rows_scored", 0, "unsure", "the window has no rows")
