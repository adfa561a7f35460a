"""A model as a function of Spark columns."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from dbx_dl.errors import ConfigError, DataError
from dbx_dl.runtime.tables import first_line, quote_column, require_columns, suggest_name
from dbx_dl.score.executors import check_decoder, check_scoring
from dbx_dl.score.inputs.columns import check_wants
from dbx_dl.score.inputs.pandas_columns import write_as_text
from dbx_dl.score.model.model_file import ModelFile, fetch_model, keep_bytes
from dbx_dl.score.model.providers import SessionSettings
from dbx_dl.score.model.session import open_session
from dbx_dl.score.model.shared_models import share_model
from dbx_dl.score.model.shipping import ship_model
from dbx_dl.score.worker import ShippedModel

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.config import ScoreOptions
    from dbx_dl.contracts import ModelMetadata
    from dbx_dl.score.model.session import ModelSession

UdfKind = Literal["arrow", "pandas"]

logger = logging.getLogger(__name__)


class ColumnScorer:
    """A function of columns that gives structs of the model's predictions.

    `model` is the file behind it, `shipped` how workers open and apply it; `udf` is Spark's own function, of the kind
    `kind`. `given` are the columns that a call without arguments takes.
    """

    def __init__(
        self,
        udf: Callable[..., Column],
        kind: UdfKind,
        model: ModelFile,
        session: ModelSession,
        shipped: ShippedModel,
        given: tuple[str, ...],
    ) -> None:
        self.udf = udf
        self.kind = kind
        self.model = model
        self.shipped = shipped
        self.plan = session.plan
        self._session = session
        self._given = given

    @property
    def providers(self) -> tuple[str, ...]:
        """What workers run the model on, in the order in which they are tried; one without the first fails."""
        return tuple(dict.fromkeys((*self.shipped.run_settings.providers, "cpu")))

    @property
    def runs_on(self) -> str:
        """What it runs on, in words."""
        return f"{', '.join(self.providers)}, threads of a worker: {self.shipped.run_settings.num_threads}"

    @property
    def metadata(self) -> ModelMetadata:
        """What the file says of itself; DataError when dbx_dl did not export it."""
        return self._session.metadata

    @property
    def is_own(self) -> bool:
        """Whether dbx_dl exported the file, so that it has `metadata`."""
        return self._session.is_own

    @property
    def input_columns(self) -> tuple[str, ...]:
        """Names of the raw columns that the model takes, in its order."""
        return self.plan.columns

    @property
    def given_columns(self) -> tuple[str, ...]:
        """The columns that a call without arguments takes, in the same order: the option `inputs` may map some."""
        return self._given

    @property
    def fields(self) -> dict[str, str]:
        """Name and SQL type of every field of a prediction, in order; the last one is `error`."""
        return self.plan.fields

    def __call__(self, *columns: Column | str) -> Column:
        """The prediction column of the model's raw columns by position, or of one struct with them as fields.

        Without arguments: the columns that have the model's own names, or those that the option `inputs` maps to them.
        The order of a struct's fields does not matter. A model with one input of shape (N, k) takes k columns of
        numbers too. ConfigError when the number of columns cannot be right.
        """
        names = self.plan.for_columns(len(columns)).columns
        if len(columns) not in (0, 1, len(names)):
            raise ConfigError(
                f"model {self.model.name} takes {len(names)} columns ({', '.join(names)}) or one struct, "
                f"{len(columns)} were given"
            )
        resolved = self._resolve(columns)
        if self.kind == "pandas":
            resolved = tuple(write_as_text(resolved, self.plan.for_columns(len(resolved)).wants))
        return self.udf(*resolved)

    def check(self, df: DataFrame, *columns: Column | str) -> None:
        """DataError, before any job, unless a call with these columns of `df` fits the model.

        A column has no type before a DataFrame gives it one, so `select(score(…))` alone finds a wrong type in the
        workers: there it fails the job with the same words.
        """
        if not columns:
            require_columns(df, self._given, f"the table for model {self.model.name}")
        from pyspark.errors import AnalysisException

        wants = self.plan.for_columns(len(columns)).wants
        try:
            schema = df.select(*self._resolve(columns)).schema
        except AnalysisException as error:
            raise DataError(f"model {self.model.name} cannot be given these columns: {first_line(error)}") from None
        check_wants(schema, wants, self.model.name)

    def _resolve(self, columns: tuple[Column | str, ...]) -> tuple[Column | str, ...]:
        from pyspark.sql import functions as F

        return columns or tuple(F.col(quote_column(name)) for name in self._given)


def score_udf(
    spark: SparkSession,
    model: str | os.PathLike[str] | bytes,
    *,
    tracking_uri: str | None = None,
    kind: UdfKind | None = None,
    **options: Any,
) -> ColumnScorer:
    """A function of columns that scores with `model`: an MLflow URI (`models:/digits@champion`) or an ONNX file.

    A file is given by its path or its bytes, and may be of any origin. Models of dbx_dl: image models take one binary
    column; tabular models their raw columns by position, or one struct, or no argument for the columns of the model's
    own names. The result is a struct by the model's task: label string, probability double, probabilities
    array<float> of classes; labels array<string>, probabilities array<float> of label sets; value double of numbers;
    boxes array<struct<label, probability, x, y, width, height>> of objects; mask binary (a PNG image) and areas
    map<string,double> of pixels; and embedding array<float> where the file has one.

    Other files: an input (N,) or (N, 1) takes a column of numbers, booleans or strings, (N, k) and (N, k, m) (nested)
    arrays, of which a flat one is enough; a single (N, k) takes k columns too. Columns are bound by position, by the
    inputs' names, or as the option `inputs` says. The result has a field for every output, of such types.

    Its last field is `error` string: a row that cannot be scored has nulls and an `error`, and never stops the job.
    Nulls in a row of a tabular model of dbx_dl are legal, the model fills them.

    `options` are those of `config.ScoreOptions`, such as `top_k=3`, `labels=[…]`, `image={…}`, `batch_rows=1024` or
    `providers=["cuda"]`. `kind` is "arrow" (Spark 4.1 and newer) or "pandas"; without it the faster one that Spark
    has. `tracking_uri` is MLflow's own where it is not given. RegistryError or DataError when the model cannot be had,
    ConfigError for an option that does not go with it, SetupError when executors lack what it needs.
    """
    from dbx_dl.config.score_options import parse_score_options

    file = keep_bytes(model) if isinstance(model, bytes) else fetch_model(model, tracking_uri)
    scorer = scorer_of(spark, file, kind, parse_score_options(options))
    logger.info("model %s runs on %s", file.name, scorer.runs_on)
    return scorer


def scorer_of(
    spark: SparkSession, file: ModelFile, kind: UdfKind | None = None, options: ScoreOptions | None = None
) -> ColumnScorer:
    """The scorer of a fetched model file, see `score_udf`."""
    from dbx_dl.config import ScoreOptions
    from dbx_dl.score.model.planning import plan_model

    if kind is not None and kind not in UDF_KINDS:
        raise ConfigError(f"kind {kind!r} is unknown; {suggest_name(kind, UDF_KINDS)}")
    options = options or ScoreOptions()
    session = open_session(file.path, file.sha256)
    num_threads = options.num_threads or int(spark.conf.get("spark.task.cpus", "1") or 1)
    plan = plan_model(session, options).with_threads(num_threads)
    settings = SessionSettings(num_threads, options.providers, gpu_memory_bytes=options.gpu_memory_bytes)
    check_scoring(spark, settings)
    check_decoder(spark, plan)
    folder = options.model_folder
    name = ship_model(spark, file) if folder is None else share_model(file, folder)
    shipped = ShippedModel(name, file.sha256, num_threads, settings, plan, options.max_error_fraction)
    kind = kind or _fastest_kind()
    given = map_columns(plan.columns, options) if session.is_own else plan.columns
    return ColumnScorer(UDF_KINDS[kind](shipped, plan.ddl), kind, file, session.with_plan(plan), shipped, given)


def map_columns(names: Sequence[str], options: ScoreOptions) -> tuple[str, ...]:
    """The columns that a table has for a model's own, as the option `inputs` says; ConfigError for unknown names."""
    for name, given in options.inputs.items():
        if name not in names or not isinstance(given, str):
            raise ConfigError(f"inputs: {name!r} is no column of the model or not one of the table; {', '.join(names)}")
    return tuple(str(options.inputs.get(name, name)) for name in names)


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
