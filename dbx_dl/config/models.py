"""How a trained network becomes an ONNX file, and predictions."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dbx_dl.config.csv_options import CsvOptions
from dbx_dl.config.interactions import InteractionsConfig
from dbx_dl.config.score_options import ScoreOptions
from dbx_dl.config.score_rows import ScoreRowsConfig
from dbx_dl.config.section import NULL_TOKENS, Section
from dbx_dl.config.series import SeriesConfig

VariantName = Literal["optimized", "fp16", "int8_static", "int8_dynamic"]


class LowPrecisionTolerances(Section):
    """The largest difference between a variant's and the network's predictions, by the numbers it computes in.

    `float16` is for 16 bits of floats, `int8` for 8 bits of integers.
    """

    float16: float = Field(default=0.02, gt=0)
    int8: float = Field(default=0.3, gt=0)


class ExportConfig(Section):
    """How the ONNX file is made, how closely it must agree with the network, and which variants compete with it.

    `opset` is ONNX's version of operators. Parity is measured on `parity_rows` held-out rows.
    `embeddings`: the name of an inner layer whose values become a further output (without it an auto-encoder's code).
    `parity_tolerance` is the largest difference between the file's and the network's predictions,
    `low_precision_tolerances` are those of variants.
    `metric_tolerance`: how far metrics of the test split may be from training's, relative where they are above 1.

    `variants` are measured beside the plain file and kept where `metric` (without it the task's own, see `dbx-dl
    tasks`) is at most `max_metric_loss` worse; for errors and losses but a likelihood, that share worse. The kept one
    that is best by `choose_by` becomes the model: `speed` at batches of 32, `size`, or `metric`. Static int8 is
    calibrated on `calibration_rows` of the train split. Weights of more than `inline_bytes` lie in a file of their own
    beside the model.
    """

    opset: int = Field(default=18, ge=18, le=21)
    embeddings: str | None = None
    parity_rows: int = Field(default=256, gt=0)
    parity_tolerance: float = Field(default=1e-4, gt=0)
    low_precision_tolerances: LowPrecisionTolerances = LowPrecisionTolerances()
    metric_tolerance: float = Field(default=1e-4, gt=0)
    variants: tuple[VariantName, ...] = ()
    metric: str | None = None
    max_metric_loss: float = Field(default=0.01, ge=0)
    choose_by: Literal["speed", "size", "metric"] = "speed"
    calibration_rows: int = Field(default=256, gt=0)
    inline_bytes: int = Field(default=2**31 - 2**26, gt=0, le=2**31 - 2**26)


class ScoreConfig(ScoreRowsConfig):
    """What to score, with which model, into which table; every row to score gets exactly one output row.

    `source_format` images, audio: a folder of files, keyed by their path relative to it; csv, parquet, json (lines),
    delta, query (SQL): rows keyed by `key`, a column or several. `model`: an MLflow URI such as
    `models:/digits@champion`, or the path of an ONNX file; `options` say how its inputs are bound, what its predictions
    hold and how it runs.
    With `series` the source holds observations, and what is scored are the windows of each series' last origin;
    with `interactions` it holds what users chose, and what is scored are all users, with `key` as their column.
    More than `max_reject_fraction` of unusable interactions are an error.
    Texts that are one of `null_tokens` are nulls.
    `columnar`: executors read and write data files themselves where both tables allow it.
    """

    source: str = Field(min_length=1)
    source_format: Literal["images", "audio", "csv", "parquet", "json", "delta", "query"]
    key: str | tuple[str, ...] = "path"
    model: str = Field(min_length=1)
    table: str = Field(min_length=1)
    csv: CsvOptions = CsvOptions()
    series: SeriesConfig | None = None
    interactions: InteractionsConfig | None = None
    max_reject_fraction: float = Field(default=0.5, ge=0, le=1)
    null_tokens: tuple[str, ...] = NULL_TOKENS
    columnar: bool = True
    options: ScoreOptions = ScoreOptions()

    @property
    def has_files(self) -> bool:
        """Whether the source is a folder of files, each of which is a row."""
        return self.source_format in ("images", "audio")

    @model_validator(mode="after")
    def _has_a_key(self) -> Self:
        columns = (self.key,) if isinstance(self.key, str) else self.key
        if not columns or "" in columns or len(set(columns)) < len(columns):
            raise ValueError(f"key must be a column, or several that differ, got {self.key!r}")
        return self

    @model_validator(mode="after")
    def _forecasts_anew(self) -> Self:
        if self.series is None:
            return self
        if self.mode != "whole" or self.stream is not None or self.where is not None:
            raise ValueError("`series` goes with `mode: whole`, without `stream` and `where`: forecasts are made anew")
        if self.has_files or not isinstance(self.key, str) or self.source_timestamp is not None:
            raise ValueError("`series` goes with rows, one `key`, which names the windows, and no `source_timestamp`")
        self.series.require_new(self.key)
        return self

    @model_validator(mode="after")
    def _recommends_to_users(self) -> Self:
        if self.interactions is None:
            if self.max_reject_fraction != type(self).model_fields["max_reject_fraction"].default:
                raise ValueError(
                    "`max_reject_fraction` goes with `interactions`: every other row gets a row or an error"
                )
            return self
        if self.mode != "whole" or self.stream is not None or self.where is not None or self.series is not None:
            raise ValueError("`interactions` go with `mode: whole`, without `stream`, `where` and `series`")
        if self.has_files or self.source_timestamp is not None:
            raise ValueError("`interactions` go with rows and no `source_timestamp`")
        if self.key != self.interactions.user:
            raise ValueError(
                f"key {self.key!r} must be `interactions.user`, {self.interactions.user!r}: users are scored"
            )
        self.interactions.require_histories_alone()
        return self
