"""Plain Python functions of one text, called for every row."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import Column


def call_python(function: Callable[[str], Any], column: str, result_type: str) -> Column:
    """What the function gives for each value of a string column, called once a row.

    Without the mark as nondeterministic Spark may call it once for every use of its result.
    """
    from pyspark.sql import functions as F

    # A lambda, since Spark warns about type hints that it cannot read.
    return F.udf(lambda text: function(text), result_type).asNondeterministic()(column)
