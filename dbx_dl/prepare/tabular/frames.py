"""Texts with a label for each token: as many labels as tokens in a row, or the row is rejected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dbx_dl.config import TextColumn
from dbx_dl.contracts import TextSpec
from dbx_dl.errors import DataError
from dbx_dl.transforms.arrow_values import to_str
from dbx_dl.transforms.raw_columns import read_text
from dbx_dl.transforms.text import TextSplitter

if TYPE_CHECKING:
    from pyspark.sql import Column

    from dbx_dl.config import ColumnConfig, PrepareTableConfig
    from dbx_dl.contracts import ColumnsSpec, TaskName


def count_frames(task: TaskName, spec: ColumnsSpec) -> int:
    """Steps that can have a label; 0 where rows have one label altogether."""
    return spec.text.max_length if task == "frames" and isinstance(spec, TextSpec) else 0


def find_misaligned(
    labels: Column, columns: Mapping[str, ColumnConfig], config: PrepareTableConfig
) -> tuple[str, Column, Column]:
    """Reason, whether it holds, and detail, for rows that have not one of the `labels` for each token of their text.

    DataError where the table has no text; ConfigError when the text's pattern cuts no texts.
    """
    from pyspark.sql import functions as F

    name, column = next(((n, c) for n, c in columns.items() if isinstance(c, TextColumn)), (None, None))
    if name is None or column is None:
        raise DataError("`task: frames` needs a column of `kind: text`, whose tokens the labels are for")
    TextSplitter(column.pattern, lowercase=column.lowercase)  # told here rather than by an executor
    num_tokens = make_counter(column)(read_text(name, config.null_tokens))
    counted = F.concat(F.size(labels).cast("string"), F.lit(" labels for "), num_tokens.cast("string"))
    detail = F.concat(counted, F.lit(f" tokens of '{name}', which are what pattern '{column.pattern}' finds"))
    return "misaligned_labels", F.size(labels) != num_tokens, detail


def make_counter(column: TextColumn) -> Any:
    """The function of Spark columns that counts a text's tokens."""
    import pandas as pd
    from pyspark.sql import functions as F

    pattern, lowercase = column.pattern, column.lowercase

    def count(batches: Any) -> Any:
        import pyarrow as pa

        splitter = TextSplitter(pattern, lowercase=lowercase)
        for texts in batches:
            yield pd.Series(splitter.count(to_str(pa.array(texts, pa.string(), from_pandas=True), "text")))

    # Spark reads the kind of the function from these hints; in the signature they would need pandas at import.
    count.__annotations__ = {"batches": Iterator[pd.Series], "return": Iterator[pd.Series]}
    return F.pandas_udf(count, "int")
