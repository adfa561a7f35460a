"""Which Spark types a model takes for every kind of column, and the table that says what does not fit."""

from __future__ import annotations

import pytest
from pyspark.sql import types as T

from dbx_dl.errors import DataError
from dbx_dl.score.inputs.columns import check_wants
from dbx_dl.score.inputs.feature_binding import FeatureBinding
from tests.plain_encoding import ALL_KINDS

DECIMAL = T.DecimalType(10, 2)
TAKEN: dict[str, list[T.DataType]] = {
    "number": [T.DoubleType(), T.LongType(), DECIMAL, T.BooleanType(), T.NullType()],
    "category": [T.StringType(), T.LongType(), T.BooleanType(), T.NullType()],
    "timestamp": [T.TimestampType(), T.TimestampNTZType(), T.DateType(), T.NullType()],
    "array of 3 numbers": [
        T.ArrayType(T.DoubleType()),
        T.ArrayType(T.IntegerType()),
        T.ArrayType(DECIMAL),
        T.NullType(),
    ],
}
REFUSED: dict[str, list[T.DataType]] = {
    "number": [T.StringType(), T.DateType(), T.ArrayType(T.DoubleType())],
    "category": [T.DoubleType(), T.TimestampType(), T.BinaryType()],
    "timestamp": [T.LongType(), T.StringType(), T.ArrayType(T.TimestampType())],
    "array of 3 numbers": [T.DoubleType(), T.ArrayType(T.StringType()), T.ArrayType(T.BooleanType())],
}
WANTS = FeatureBinding(ALL_KINDS).wants
LISTED = [(want.name, want.text) for want in WANTS]
FITTING = {name: TAKEN[want][0] for name, want in LISTED}


def schema(types: dict[str, T.DataType]) -> T.StructType:
    return T.StructType([T.StructField(name, kind) for name, kind in types.items()])


def test_every_kind_says_what_it_wants() -> None:
    assert dict(LISTED) == {
        "size": "number",
        "when": "timestamp",
        "colour": "category",
        "is_new": "number",
        "customer": "category",
        "vector": "array of 3 numbers",
        "price": "number",
    }


@pytest.mark.parametrize(("name", "want"), LISTED)
def test_types_that_fit_and_types_that_do_not(name: str, want: str) -> None:
    for kind in TAKEN[want]:
        check_wants(schema(FITTING | {name: kind}), WANTS, "m")
        check_wants(schema({"struct": schema(FITTING | {name: kind})}), WANTS, "m")
    for kind in REFUSED[want]:
        with pytest.raises(DataError, match=rf"{name} +{want} +{name} +\S+ +<- does not fit"):
            check_wants(schema(FITTING | {name: kind}), WANTS, "m")
