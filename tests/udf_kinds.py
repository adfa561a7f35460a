"""The kinds of UDF that the Spark at hand has: Arrow's are new in 4.1."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from dbx_dl.score.udf import UDF_KINDS

HAS_ARROW = hasattr(F, "arrow_udf")
AVAILABLE_KINDS = sorted(UDF_KINDS) if HAS_ARROW else ["pandas"]

_NEEDS_ARROW = pytest.mark.skipif(not HAS_ARROW, reason="this Spark has no arrow_udf, which is new in 4.1")
KINDS = pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[_NEEDS_ARROW] if kind == "arrow" else []) for kind in sorted(UDF_KINDS)]
)
