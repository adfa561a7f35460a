"""How a trained network becomes an ONNX file, and predictions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dbx_dl.config.csv_options import CsvOptions
from dbx_dl.config.section import NULL_TOKENS, Section


class ExportConfig(Section):
    """How the ONNX file is made and how closely it must agree with the network."""

    opset: int = Field(default=18, ge=18, le=21)
    parity_rows: int = Field(default=256, gt=0)
    parity_tolerance: float = Field(default=1e-4, gt=0)


class ScoreConfig(Section):
    """What to score, with which model, into which table; every input row gets exactly one output row.

    `source_format` images: a folder of files, keyed by their path relative to it; csv, parquet, json (lines), delta,
    query (SQL): rows keyed by `key`. `model`: an MLflow URI such as `models:/digits@champion`, or the path of an ONNX
    file.
    """

    source: str
    source_format: Literal["images", "csv", "parquet", "json", "delta", "query"]
    key: str = "path"
    model: str
    table: str
    csv: CsvOptions = CsvOptions()
    null_tokens: tuple[str, ...] = NULL_TOKENS
