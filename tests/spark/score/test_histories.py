"""A model of users and histories on Spark: lists of items from arrays of items, in UDFs, in SQL and as whole tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from dbx_dl import register_sql_function, score_table, score_udf
from dbx_dl.config import ScoreConfig, TrackingConfig
from dbx_dl.contracts import HistoryFeature, HistorySpec, IdFeature, Ranking, Target
from dbx_dl.errors import DataError
from dbx_dl.export.onnx_model import write_model
from dbx_dl.runtime.tables import pin_table, read_pinned
from dbx_dl.tasks import TaskSettings, task_of
from dbx_dl.transforms.columns import TabularEncoder
from tests.onnx_models import make_metadata, make_network, make_weights
from tests.udf_kinds import KINDS

NAMES = ("ant", "bee", "cat", "dog")
SPEC = HistorySpec(
    users=(IdFeature(column="user", vocabulary=("ann", "bob")), IdFeature(column="town", vocabulary=("x", "y"))),
    history=HistoryFeature(column="history", max_length=3, vocabulary=NAMES),
)
TARGET = Target(task="recommendation", column="label", label_names=NAMES, ranking=Ranking(top_k=2))
HISTORIES: dict[str, list[str | None] | None] = {
    "ann": ["ant", "bee", "cat", "dog"],
    "bob": [],
    "cid": None,
    "dan": ["eel", None, "dog"],
}
TRACKING = TrackingConfig(uri="sqlite:////nowhere/m.db")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[list[str]], np.ndarray]:
    """A file of a linear network of the ids, and the items and scores that it gives."""
    weights = make_weights(SPEC, len(NAMES))
    path = tmp_path_factory.mktemp("model") / "items.onnx"
    metadata = make_metadata(SPEC, NAMES).model_copy(update={"target": TARGET})
    write_model(make_network(SPEC, weights), metadata, path, 10**9)
    columns = {
        "user": list(HISTORIES),
        "town": ["x"] * len(HISTORIES),
        "history": pa.array(list(HISTORIES.values()), pa.list_(pa.string())),
    }
    ids = TabularEncoder(SPEC).encode(pa.table(columns))
    predicted = task_of(TARGET).predict((ids.astype(np.float32) @ weights), TaskSettings())
    return str(path), [[NAMES[int(place)] for place in row] for row in predicted[..., 0]], predicted[..., 1]


@pytest.fixture(scope="module")
def users(spark: SparkSession) -> Any:
    rows = [(user, "x", history) for user, history in HISTORIES.items()]
    return spark.createDataFrame(rows, "user string, town string, history array<string>").repartition(2)


def check(rows: list[Any], model: tuple[str, list[list[str]], np.ndarray]) -> None:
    assert {row["error"] for row in rows} == {None}
    assert [row["items"] for row in rows] == model[1]
    np.testing.assert_allclose([row["scores"] for row in rows], model[2], atol=1e-5)


@KINDS
def test_udfs_take_arrays(
    spark: SparkSession, users: Any, model: tuple[str, list[list[str]], np.ndarray], kind: str
) -> None:
    scored = users.select("user", score_udf(spark, model[0], kind=kind)("user", "town", "history").alias("p"))
    check(scored.select("user", "p.*").orderBy("user").collect(), model)


@KINDS
def test_a_batch_of_new_users_alone_has_no_histories(
    spark: SparkSession, users: Any, model: tuple[str, list[list[str]], np.ndarray], kind: str
) -> None:
    lone = users.where("user = 'cid'").coalesce(1)
    scored = lone.select("user", score_udf(spark, model[0], kind=kind)("user", "town", "history").alias("p"))
    check(scored.select("user", "p.*").collect(), (model[0], model[1][2:3], model[2][2:3]))


def test_sql_takes_null_for_a_history(spark: SparkSession, model: tuple[str, list[list[str]], np.ndarray]) -> None:
    register_sql_function(spark, "recommend_anew", model[0])
    rows = spark.sql("SELECT p.* FROM (SELECT recommend_anew('cid', 'x', NULL) AS p)").collect()
    check(rows, (model[0], model[1][2:3], model[2][2:3]))


def test_unusable_interactions_are_counted_and_many_are_an_error(
    spark: SparkSession,
    model: tuple[str, list[list[str]], np.ndarray],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    good = [f"ann,x,{item},2024-03-0{place}" for place, item in enumerate(NAMES, start=1)]
    bad = ["ann,x,bee,07.03.2024", "ann,x,cat,2024-03-08,and more"]
    values: dict[str, Any] = {
        "source": str(tmp_path / "choices.csv"),
        "source_format": "csv",
        "key": "user",
        "model": model[0],
        "table": str(tmp_path / "scores"),
        "interactions": {
            "user": "user",
            "item": "item",
            "time": "at",
            "user_columns": ["town"],
            "max_history": 3,
        },
    }

    def score(lines: list[str], **more: Any) -> list[Any]:
        (tmp_path / "choices.csv").write_text("\n".join(["user,town,item,at", *lines]) + "\n")
        config = ScoreConfig.model_validate(values | more)
        return read_pinned(spark, score_table(spark, config, tracking=TRACKING).table).collect()

    check(score([*good, *bad]), (model[0], model[1][:1], model[2][:1]))
    assert "2 of 6 interactions of" in caplog.text and "1 malformed_row" in caplog.text
    assert "1 not_a_datetime" in caplog.text
    with pytest.raises(DataError, match=r"2 of 6 .* more than score.max_reject_fraction = 0.3 allows"):
        score([*good, *bad], max_reject_fraction=0.3)
    with pytest.raises(DataError, match=r"nobody is left to score: 2 of 2 .*1 malformed_row"):
        score(bad, max_reject_fraction=1.0)
    assert len(read_pinned(spark, pin_table(spark, values["table"])).collect()) == 1


def test_sql_takes_arrays(spark: SparkSession, users: Any, model: tuple[str, list[list[str]], np.ndarray]) -> None:
    register_sql_function(spark, "recommend", model[0])
    users.createOrReplaceTempView("users")
    # Beside a column of that name, which is not in what is selected, `user` is a function of Spark's.
    query = "SELECT p.* FROM (SELECT user AS name, recommend(user, town, history) AS p FROM users) ORDER BY name"
    check(spark.sql(query).collect(), model)


def test_tables_take_arrays_or_interactions(
    spark: SparkSession, users: Any, model: tuple[str, list[list[str]], np.ndarray], tmp_path: Path
) -> None:
    users.write.format("delta").save(str(tmp_path / "users"))
    chosen = [
        (user, "x", item, f"2024-03-0{place}")
        for user, items in HISTORIES.items()
        for place, item in enumerate(items or (), start=1)
    ]
    frame = spark.createDataFrame(chosen, "user string, town string, item string, at string")
    frame.write.format("delta").save(str(tmp_path / "choices"))
    interactions = {"user": "user", "item": "item", "time": "at", "user_columns": ["town"], "max_history": 3}
    for source, more in (("users", {}), ("choices", {"interactions": interactions})):
        values = {
            "source": str(tmp_path / source),
            "source_format": "delta",
            "key": "user",
            "model": model[0],
            "table": str(tmp_path / f"{source}_scores"),
        }
        scored = score_table(spark, ScoreConfig.model_validate(values | more), tracking=TRACKING)
        rows = {row["key"]: row for row in read_pinned(spark, scored.table).collect()}
        wanted = [user for user, items in HISTORIES.items() if items or not more]
        places = [list(HISTORIES).index(user) for user in wanted]
        check([rows.pop(user) for user in wanted], (model[0], [model[1][p] for p in places], model[2][places]))
        assert not rows
