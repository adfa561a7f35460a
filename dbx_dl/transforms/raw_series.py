"""Observations of series as windows: what was known at an origin, and the value some steps later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbx_dl.config.series import AT, HORIZON, LAGS, ORIGIN, SEASONAL_NAIVE
from dbx_dl.errors import DataError
from dbx_dl.transforms.raw_columns import is_unparsable, quote_name, read_number, read_timestamp
from dbx_dl.transforms.raw_time_steps import name_step, number_steps, start_step

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from dbx_dl.config.series import SeriesConfig

_STEP, _TARGET, _VALUE, _FIRST, _BAD = "_step", "_target", "_value", "_first", "_bad"


def cut_windows(rows: DataFrame, config: SeriesConfig, key: str, null_tokens: Sequence[str]) -> DataFrame:
    """A row for every origin and horizon whose value is known, named `config.value`, with the columns of SeriesConfig.

    `key` string names the window: the series, the origin and the steps ahead. Nothing of what comes after an origin is
    in its window but the columns `config.known`. DataError for a row without a series, a time or a number, and for two
    of a series in one step.
    """
    observed = _observe(rows, config, null_tokens)
    windows = _look_ahead(_look_back(observed, config), observed, config, "inner")
    return _name_columns(windows, config, key).where(f"{quote_name(config.value)} IS NOT NULL")


def cut_last_windows(rows: DataFrame, config: SeriesConfig, key: str, null_tokens: Sequence[str]) -> DataFrame:
    """The same windows of every series' last origin, the step of its last value: what is to be forecast now.

    A series without as many values in a row before it has none.
    """
    from pyspark.sql import functions as F

    observed = _observe(rows, config, null_tokens)
    names = _name_series(config)
    known = observed.where(F.col(_VALUE).isNotNull())
    last = known.groupBy(*names).agg(F.max(_STEP).alias(_STEP))
    origins = _look_back(observed, config.model_copy(update={"stride": 1})).join(last, [*names, _STEP])
    return _name_columns(_look_ahead(origins, observed, config, "left"), config, key).drop(config.value)


def _observe(rows: DataFrame, config: SeriesConfig, tokens: Sequence[str]) -> DataFrame:
    """Series, step, value and known columns under names of our own, all checked in one pass."""
    from pyspark.sql import functions as F

    time = read_timestamp(rows, config.time, tokens)
    series = [F.col(quote_name(name)).alias(own) for name, own in zip(config.by, _name_series(config), strict=False)]
    is_bad = is_unparsable(rows, config.value, tokens, "numeric") | time.isNull()
    for name in config.by:
        is_bad = is_bad | F.col(quote_name(name)).isNull()
    observed = rows.select(
        *(series or [F.lit("").alias(_name_series(config)[0])]),
        number_steps(time, config.step).alias(_STEP),
        read_number(rows, config.value, tokens).alias(_VALUE),
        *(F.col(quote_name(name)).alias(f"_k{i}") for i, name in enumerate(config.known)),
        is_bad.alias(_BAD),
    )
    _require_regular(observed, config)
    return observed.drop(_BAD)


def _require_regular(observed: DataFrame, config: SeriesConfig) -> None:
    from pyspark.sql import functions as F

    counts = F.count("*").alias("rows"), F.count_if(_BAD).alias("bad")
    groups = observed.groupBy(*_name_series(config), _STEP).agg(*counts)
    repeated = F.count_if((F.col("rows") > 1) & (F.col("bad") == 0))
    found = groups.agg(F.sum("bad").alias("bad"), repeated.alias("repeated")).collect()[0]
    if found["bad"]:
        raise DataError(
            f"{found['bad']} rows have no time in {config.time!r}, no number in {config.value!r}, or a null in what "
            "tells series apart: mend or leave them out"
        )
    if found["repeated"]:
        raise DataError(
            f"{found['repeated']} times a series has several rows in one {config.step}: add them up first, or name all "
            "columns that tell series apart in `by`"
        )


def _name_series(config: SeriesConfig) -> list[str]:
    return [f"_s{i}" for i in range(len(config.by))] or ["_s0"]


def _look_back(observed: DataFrame, config: SeriesConfig) -> DataFrame:
    """Series, step and lags of every origin without a gap before it."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    size = config.num_lags
    before = Window.partitionBy(*_name_series(config)).orderBy(_STEP).rowsBetween(1 - size, 0)
    looked = observed.select(
        *_name_series(config),
        _STEP,
        F.collect_list(_VALUE).over(before).alias(LAGS),
        F.min(_STEP).over(before).alias(_FIRST),
    )
    # Nulls are not collected: lags of full length have none.
    is_whole = (F.size(LAGS) == size) & (F.col(_STEP) - F.col(_FIRST) == size - 1)
    return looked.where(is_whole & (F.pmod(F.col(_STEP), F.lit(config.stride)) == 0)).drop(_FIRST)


def _look_ahead(origins: DataFrame, observed: DataFrame, config: SeriesConfig, how: str) -> DataFrame:
    """Every origin with each horizon, and what is known or came true at the time ahead."""
    from pyspark.sql import functions as F

    ahead = origins.withColumn(HORIZON, F.explode(F.sequence(F.lit(1), F.lit(config.horizons))))
    ahead = ahead.withColumn(_TARGET, F.col(_STEP) + F.col(HORIZON))
    return ahead.join(observed.withColumnRenamed(_STEP, _TARGET), [*_name_series(config), _TARGET], how)


def _escape(text: Column) -> Column:
    """Text in which no bar parts names, so that no two series share a key."""
    from pyspark.sql import functions as F

    slashed = F.replace(text, F.lit("\\"), F.lit("\\\\"))
    return F.replace(slashed, F.lit("|"), F.lit("\\|"))


def _name_columns(windows: DataFrame, config: SeriesConfig, key: str) -> DataFrame:
    from pyspark.sql import functions as F

    series = [F.col(own).alias(name) for name, own in zip(config.by, _name_series(config), strict=False)]
    name = F.concat_ws(
        "|",
        *(_escape(F.col(own).cast("string")) for own in _name_series(config)[: len(config.by)]),
        name_step(F.col(_STEP), config.step),
        F.concat(F.lit("+"), F.col(HORIZON).cast("string")),
    )
    return windows.select(
        name.alias(key),
        *series,
        start_step(F.col(_STEP), config.step).alias(ORIGIN),
        start_step(F.col(_TARGET), config.step).alias(AT),
        HORIZON,
        LAGS,
        *([] if config.season is None else [_repeat_season(config.season).alias(SEASONAL_NAIVE)]),
        *(F.col(f"_k{i}").alias(column) for i, column in enumerate(config.known)),
        F.col(_VALUE).alias(config.value),
    )


def _repeat_season(season: int) -> Column:
    """The lag as many whole seasons before the target as it takes to be known at the origin."""
    from pyspark.sql import functions as F

    # Steps from that lag to the origin: 0 for the last one.
    back = F.pmod(-F.col(HORIZON), F.lit(season))
    return F.element_at(F.col(LAGS), (-1 - back).cast("int"))
