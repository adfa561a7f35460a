"""A model as a function of Spark columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from dbx_dl.errors import ConfigError
from dbx_dl.runtime.tables import quote_column, require_columns
from dbx_dl.score.binding import input_columns
from dbx_dl.score.columns import check_columns
from dbx_dl.score.model_file import ModelFile, fetch_model
from dbx_dl.score.pandas_columns import write_as_text
from dbx_dl.score.session import open_model
from dbx_dl.score.shipping import ship_model
from dbx_dl.score.structs import prediction_ddl, prediction_fields
from dbx_dl.score.worker import ShippedModel

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.contracts import InputSpec, ModelMetadata

UdfKind = Literal["arrow", "pandas"]


class ColumnScorer:
    """A function of columns that gives structs of the model's predictions.

    `model` is the file behind it, `metadata` what that file says of itself.
    """

    def __init__(self, function: Callable[..., Column], model: ModelFile, metadata: ModelMetadata) -> None:
        self.model = model
        self.metadata = metadata
        self._function = function

    @property
    def input_columns(self) -> tuple[str, ...]:
        """Names of the raw columns that the model takes, in its order."""
        return input_columns(self.metadata.inputs)

    @property
    def fields(self) -> dict[str, str]:
        """Name and SQL type of every field of a prediction, in order; the last one is `error`."""
        return prediction_fields(self.metadata)

    def __call__(self, *columns: Column | str) -> Column:
        """The prediction column of the model's raw columns by position, or of one struct with them as fields.

        Without arguments: the columns that have the model's own names. The order of a struct's fields does not
        matter. ConfigError when the number of columns cannot be right.
        """
        names = self.input_columns
        if len(columns) not in (0, 1, len(names)):
            raise ConfigError(
                f"model {self.model.name} takes {len(names)} columns ({', '.join(names)}) or one struct, "
                f"{len(columns)} were given"
            )
        return self._function(*self._resolve(columns))

    def check(self, df: DataFrame, *columns: Column | str) -> None:
        """DataError, before any job, unless a call with these columns of `df` fits the model.

        A column has no type before a DataFrame gives it one, so `select(score(…))` alone finds a wrong type in the
        workers: there it fails the job with the same words.
        """
        if not columns:
            require_columns(df, self.input_columns, f"the table for model {self.model.name}")
        check_columns(df.select(*self._resolve(columns)).schema, self.metadata.inputs, self.model.name)

    def _resolve(self, columns: tuple[Column | str, ...]) -> tuple[Column | str, ...]:
        from pyspark.sql import functions as F

        return columns or tuple(F.col(quote_column(name)) for name in self.input_columns)


def score_udf(
    spark: SparkSession, model: str, *, tracking_uri: str | None = None, kind: UdfKind | None = None
) -> ColumnScorer:
    """A function of columns that scores with `model`: an MLflow URI (`models:/digits@champion`) or an ONNX file.

    Image models take one binary column; tabular models their raw columns by position, or one struct, or no argument
    for the columns of the model's own names. The result is a struct by the model's task: label string, probability
    double, probabilities array<float> of classes; labels array<string>, probabilities array<float> of label sets; value
    double of numbers; and embedding array<float> where the file has one. Its last field is `error` string: a row that
    cannot be scored has nulls and an `error`, and never stops the job. Nulls in a tabular row are legal, the model
    fills them.

    `kind` is "arrow" (Spark 4.1 and newer) or "pandas"; without it the faster one that Spark has. `tracking_uri` is
    MLflow's own where it is not given. RegistryError or DataError when the model cannot be had.
    """
    file = fetch_model(model, tracking_uri)
    return scorer_of(spark, file, kind)


def scorer_of(spark: SparkSession, file: ModelFile, kind: UdfKind | None = None) -> ColumnScorer:
    """The scorer of a fetched model file, see `score_udf`."""
    session = open_model(file.path, file.sha256)
    num_threads = int(spark.conf.get("spark.task.cpus", "1") or 1)
    shipped = ShippedModel(ship_model(spark, file), file.sha256, num_threads)
    kind = kind or _fastest_kind()
    function = UDF_KINDS[kind](shipped, prediction_ddl(session.metadata))
    if kind == "pandas":
        function = _spare_columns(function, session.metadata.inputs)
    return ColumnScorer(function, file, session.metadata)


def _spare_columns(function: Callable[..., Column], inputs: InputSpec) -> Callable[..., Column]:
    return lambda *columns: function(*write_as_text(columns, inputs))


def _fastest_kind() -> UdfKind:
    from pyspark.sql import functions as F

    return "arrow" if hasattr(F, "arrow_udf") else "pandas"


def _arrow_function(model: ShippedModel, ddl: str) -> Any:
    import pyarrow as pa
    from pyspark.sql import functions as F

    if not hasattr(F, "arrow_udf"):
        raise ConfigError("this Spark has no arrow_udf (new in 4.1): use kind='pandas'")

    def score(batches: Any) -> Any:
        from dbx_dl.score.worker import score_arrays

        return score_arrays(batches, model)

    # Spark reads the kind of the function from these hints; in the signature they would need pyarrow at import.
    score.__annotations__ = {"batches": Iterator[pa.Array], "return": Iterator[pa.Array]}
    return F.arrow_udf(score, ddl)


def _pandas_function(model: ShippedModel, ddl: str) -> Any:
    import pandas as pd
    from pyspark.sql import functions as F

    def score(batches: Any) -> Any:
        from dbx_dl.score.worker import score_series

        return score_series(batches, model)

    score.__annotations__ = {"batches": Iterator[pd.Series], "return": Iterator[pd.DataFrame]}
    return F.pandas_udf(score, ddl)


UDF_KINDS: dict[str, Callable[[ShippedModel, str], Any]] = {"arrow": _arrow_function, "pandas": _pandas_function}
