"""A label for each token of a text, or each step of numbers: as many labels as these, or the row is rejected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dbx_dl.config import StepsColumn, TextColumn
from dbx_dl.contracts import StepsSpec, TextSpec
from dbx_dl.errors import DataError
from dbx_dl.runtime.tables import quote_column
from dbx_dl.transforms.arrow_values import to_str
from dbx_dl.transforms.raw_columns import read_text
from dbx_dl.transforms.text import TextSplitter

if TYPE_CHECKING:
    from pyspark.sql import Column

    from dbx_dl.config import ColumnConfig, PrepareTableConfig
    from dbx_dl.contracts import ColumnsSpec, TaskName


def count_frames(task: TaskName, spec: ColumnsSpec) -> int:
    """Steps that can have a label; 0 where rows have one label altogether."""
    if task != "frames":
        return 0
    if isinstance(spec, StepsSpec):
        return spec.max_steps
    return spec.text.max_length if isinstance(spec, TextSpec) else 0


def find_misaligned(
    labels: Column, columns: Mapping[str, ColumnConfig], config: PrepareTableConfig
) -> tuple[str, Column, Column]:
    """Reason, whether it holds, and detail, for rows that have not one of the `labels` for each token or step.

    DataError where the table has neither text nor steps; ConfigError when the text's pattern cuts no texts.
    """
    from pyspark.sql import functions as F

    steps = next((n for n, c in columns.items() if isinstance(c, StepsColumn)), None)
    if steps is not None:
        num_steps = count_steps(steps)
        found = F.concat(F.size(labels).cast("string"), F.lit(" labels for "), num_steps.cast("string"))
        return "misaligned_labels", F.size(labels) != num_steps, F.concat(found, F.lit(f" steps of '{steps}'"))
    name, column = next(((n, c) for n, c in columns.items() if isinstance(c, TextColumn)), (None, None))
    if name is None or column is None:
        raise DataError(
            "`task: frames` needs a column of `kind: text` or `steps`, for whose tokens or steps the labels are"
        )
    TextSplitter(column.pattern, lowercase=column.lowercase)  # told here rather than by an executor
    num_tokens = make_counter(column)(read_text(name, config.null_tokens))
    counted = F.concat(F.size(labels).cast("string"), F.lit(" labels for "), num_tokens.cast("string"))
    detail = F.concat(counted, F.lit(f" tokens of '{name}', which are what pattern '{column.pattern}' finds"))
    return "misaligned_labels", F.size(labels) != num_tokens, detail


def count_steps(name: str) -> Column:
    """How many numbers a row's array has; null is an empty one."""
    from pyspark.sql import functions as F

    column = F.col(quote_column(name))
    return F.when(column.isNull(), 0).otherwise(F.size(column))


def find_uneven(names: Sequence[str]) -> tuple[str, Column, Column]:
    """Reason, whether it holds, and detail, for rows whose arrays are not equally long."""
    from pyspark.sql import functions as F

    lengths = [count_steps(name) for name in names]
    parts = [F.concat(F.lit(f"'{name}' "), length.cast("string")) for name, length in zip(names, lengths, strict=True)]
    detail = F.concat(F.lit("arrays of one row must be equally long, these have: "), F.concat_ws(", ", *parts))
    return "uneven_steps", F.least(*lengths) != F.greatest(*lengths), detail


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
