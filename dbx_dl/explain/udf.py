"""Explanations of a model's predictions as a function of Spark columns."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import ConfigError
from dbx_dl.explain.background import draw_background, find_background
from dbx_dl.explain.choosing import choose_method
from dbx_dl.explain.explained import DDL, FIELDS
from dbx_dl.explain.scores import find_scores
from dbx_dl.explain.worker import ShippedExplainer, bind_background
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.model.session import open_session
from dbx_dl.score.model.shipping import ship_file
from dbx_dl.score.udf import ColumnScorer, UdfKind, scorer_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import ExplainOptions, MethodName
    from dbx_dl.explain.network_files import FoundNetwork

logger = logging.getLogger(__name__)


class ColumnExplainer(ColumnScorer):
    """A function of columns that gives structs of explanations, called as the scorer of the same model is.

    `method` is how they are made, `shipped_explainer` what workers open.
    """

    def __init__(self, scorer: ColumnScorer, explainer: ShippedExplainer) -> None:
        session = open_session(scorer.model.path, scorer.model.sha256).with_plan(scorer.plan)
        udf = UDF_KINDS[scorer.kind](explainer)
        super().__init__(udf, scorer.kind, scorer.model, session, scorer.shipped, scorer.given_columns)
        self.shipped_explainer = explainer

    @property
    def method(self) -> MethodName:
        """The method."""
        assert self.shipped_explainer.options.method is not None
        return self.shipped_explainer.options.method

    @property
    def fields(self) -> dict[str, str]:
        """Name and SQL type of every field of an explanation, in order; the last one is `error`."""
        return FIELDS


def explain_udf(
    spark: SparkSession,
    model: str | os.PathLike[str],
    *,
    tracking_uri: str | None = None,
    kind: UdfKind | None = None,
    background: DataFrame | str | None = None,
    score: dict[str, Any] | None = None,
    **options: Any,
) -> ColumnExplainer:
    """A function of columns that explains predictions of `model`, as `score_udf` takes it, row by row.

    The result is a struct: explained_label string and explained_score double, what is explained; base_score double,
    what contributions start from; contributions array<struct<feature, contribution>>, the strongest first; heat_map and
    overlay binary, PNG images; gap double, what contributions leave unexplained; error string. What a method does not
    give is null; a row that cannot be explained has an error and stops no job.

    `options` are those of `config.ExplainOptions`, such as `method="shapley"`, `label="yes"` or `top_k=3`; `score`
    those of the scorer (`config.ScoreOptions`), for files of others. `background` are rows, or a Delta table of such,
    that shapley takes absent features from (of a model with one input (N, k), also k columns); without it the train
    split of the table that a model of dbx_dl learned.

    ConfigError for a method that does not go with the model, or for a network of somebody's own that `own_network` does
    not name; DataError without background rows or without the trained network that a method by gradients needs; other
    errors as of `score_udf`.
    """
    from dbx_dl.config.explain import parse_explain_options
    from dbx_dl.config.score_options import parse_score_options

    scorer = scorer_of(spark, fetch_model(model, tracking_uri), kind, parse_score_options(score or {}))
    wanted = parse_explain_options(options)
    return explainer_of(spark, scorer, wanted, lambda: find_background(spark, scorer, background))


def explainer_of(
    spark: SparkSession, scorer: ColumnScorer, options: ExplainOptions, background: Callable[[], DataFrame | None]
) -> ColumnExplainer:
    """The explainer beside a scorer, see `explain_udf`; `background` gives the rows, where the method needs them."""
    find_scores(scorer.plan, options.label, scorer.model.name)
    method, network = choose_method(scorer, options.method, options.gradients.layer, options.own_network)
    options = options.model_copy(update={"method": method})
    stream = None
    if method == "shapley":
        stream = _draw(scorer, options, background())
    shipped = ShippedExplainer(scorer.shipped, options, stream, *_ship_network(spark, network))
    logger.info("explaining %s by %s", scorer.model.name, method)
    return ColumnExplainer(scorer, shipped)


def _draw(scorer: ColumnScorer, options: ExplainOptions, background: DataFrame | None) -> bytes:
    if background is None:
        raise ConfigError(
            f"shapley needs rows that absent features come from, and the table that model {scorer.model.name} learned "
            "from is not known or gone: give `background`, a Delta table with the model's columns"
        )
    num_rows = options.shapley.num_background
    columns = scorer.plan.for_columns(len(background.columns)).columns
    if not set(columns) <= set(background.columns):
        columns = scorer.input_columns
    stream = draw_background(background, columns, num_rows, options.seed, "the background")
    bound = bind_background(stream, scorer.plan)
    if not bound or not len(next(iter(bound.values()))):
        raise ConfigError("no row of the background can be given to the model: name another table as `background`")
    return stream


def _ship_network(spark: SparkSession, network: FoundNetwork | None) -> tuple[Any, str | None]:
    """What rebuilds the network, and the name under which workers find its weights."""
    if network is None:
        return None, None
    name = f"dbx_dl-{network.stored.weights.sha256}{network.weights.suffix}"
    ship_file(spark, network.weights, name)
    return network.stored, name


def _arrow_function(explainer: ShippedExplainer) -> Any:
    import pyarrow as pa
    from pyspark.sql import functions as F

    if not hasattr(F, "arrow_udf"):
        raise ConfigError("this Spark has no arrow_udf (new in 4.1): use kind='pandas'")

    def explain(batches: Any) -> Any:
        from dbx_dl.explain.worker import explain_arrays

        return explain_arrays(batches, explainer)

    # Spark reads the kind of the function from these hints; in the signature they would need pyarrow at import.
    explain.__annotations__ = {"batches": Iterator[pa.Array], "return": Iterator[pa.Array]}
    return F.arrow_udf(explain, DDL)


def _pandas_function(explainer: ShippedExplainer) -> Any:
    import pandas as pd
    from pyspark.sql import functions as F

    def explain(batches: Any) -> Any:
        from dbx_dl.explain.worker import explain_series

        return explain_series(batches, explainer)

    explain.__annotations__ = {"batches": Iterator[pd.Series], "return": Iterator[pd.DataFrame]}
    return F.pandas_udf(explain, DDL)


UDF_KINDS: dict[str, Callable[[ShippedExplainer], Any]] = {"arrow": _arrow_function, "pandas": _pandas_function}
