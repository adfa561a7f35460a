"""Forecasts beside what came true and a baseline, by the steps ahead and by the origin they were made at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.config.series import HORIZON, ORIGIN, SEASONAL_NAIVE
from dbx_dl.contracts import Backtest, BacktestPart
from dbx_dl.errors import DataError
from dbx_dl.runtime.tables import read_pinned
from dbx_dl.score.evaluation import predict_split, read_predictions
from dbx_dl.tasks import task_of
from dbx_dl.tasks.several_numbers import SeveralNumbers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from dbx_dl.contracts import PreparedTable, Split


def backtest_model(
    spark: SparkSession,
    model_path: str,
    prepared: PreparedTable,
    split: Split = "test",
    *,
    tracking_uri: str | None = None,
) -> Backtest:
    """Measure a model (a file or an MLflow URI) on a split of a table of windows, one after the other origin.

    The model is the same at all origins: it is not trained again. With `prepare.series.season` errors are also those
    of the seasonal naive forecast, and `mae_ratio` is the model's mean absolute error by that one's: below 1 the model
    is the better one (mean absolute scaled error, Hyndman and Koehler 2006, with the errors of the same windows).
    DataError for a table that holds no windows, or an empty split.
    """
    import numpy as np

    present = read_pinned(spark, prepared.table).columns
    if ORIGIN not in present or HORIZON not in present:
        raise DataError(f"table {prepared.table.name} holds no windows of series: prepare it with `series`")
    columns = [name for name in (ORIGIN, HORIZON, SEASONAL_NAIVE) if name in present]
    rows = predict_split(spark, model_path, prepared, split, columns=columns, tracking_uri=tracking_uri)
    if not rows.num_rows:
        raise DataError(f"table {prepared.table.name} has no {split} rows")
    labels, predictions = read_predictions(rows, prepared)
    task = task_of(prepared.target)
    points = task.choose_points(predictions) if isinstance(task, SeveralNumbers) else predictions
    errors = np.abs(labels.astype(np.float64) - points)
    naive = rows.column(SEASONAL_NAIVE).to_numpy() if SEASONAL_NAIVE in columns else None
    naive_errors = None if naive is None else np.abs(labels.astype(np.float64) - naive)
    horizons = rows.column(HORIZON).to_numpy().astype(np.int64)
    origins = np.array([moment.isoformat() for moment in rows.column(ORIGIN).to_pylist()])
    return Backtest(
        model=model_path,
        table=prepared.table,
        split=split,
        whole=_measure("all", errors, naive_errors),
        by_horizon=_measure_parts(horizons, errors, naive_errors),
        by_origin=_measure_parts(origins, errors, naive_errors),
    )


def _measure_parts(
    parts: NDArray[np.generic], errors: NDArray[np.float64], naive_errors: NDArray[np.float64] | None
) -> tuple[BacktestPart, ...]:
    import numpy as np

    found = []
    for part in np.unique(parts):
        rows = parts == part
        found.append(_measure(str(part), errors[rows], None if naive_errors is None else naive_errors[rows]))
    return tuple(found)


def _measure(name: str, errors: NDArray[np.float64], naive_errors: NDArray[np.float64] | None) -> BacktestPart:
    import numpy as np

    mae, rmse = float(errors.mean()), float(np.sqrt(np.mean(errors**2)))
    naive = None if naive_errors is None else float(naive_errors.mean())
    return BacktestPart(
        part=name,
        num_rows=len(errors),
        mae=mae,
        rmse=rmse,
        naive_mae=naive,
        mae_ratio=None if not naive else mae / naive,
    )
