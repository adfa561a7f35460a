"""A real table, with everything wrong in it that CSV files have, becomes a typed Delta table and a fitted spec."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import deltalake
import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest

from dbx_dl.config import PrepareTableConfig
from dbx_dl.contracts import CategoricalFeature, FeatureSpec, NumericFeature, PreparedTable
from dbx_dl.errors import DataError
from dbx_dl.prepare.tabular.prepare import prepare_table
from dbx_dl.transforms.columns import TabularEncoder
from tests.spark.prepare.sources import load_cancer

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NUM_ROWS = 569
CATEGORY = "size.ä`x"


def configure(source: Path, table: Path, **changes: Any) -> PrepareTableConfig:
    values = {"source": str(source), "table": str(table), "key": "id", "label": "diagnosis"}
    return PrepareTableConfig.model_validate({**values, **changes})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cancer table")


@pytest.fixture(scope="module")
def source(folder: Path) -> Path:
    path = folder / "cancer [1].csv"
    load_cancer().to_csv(path, index=False)
    with path.open("a") as file:
        file.write("p900,1.0,2.0\n")
    return path


@pytest.fixture(scope="module")
def columns() -> dict[str, str]:
    return {"mean_texture": "numeric", "nothing": "numeric"}


@pytest.fixture(scope="module")
def prepared(spark: SparkSession, folder: Path, source: Path, columns: dict[str, str]) -> PreparedTable:
    return prepare_table(spark, configure(source, folder / "tables" / "cancer", columns=columns))


@pytest.fixture(scope="module")
def rows(prepared: PreparedTable) -> pd.DataFrame:
    table = deltalake.DeltaTable(prepared.table.path, version=prepared.table.version)
    return table.to_pandas().set_index("id").sort_index()


def feature(prepared: PreparedTable, name: str) -> Any:
    assert isinstance(prepared.inputs, FeatureSpec)
    return next(feature for feature in prepared.inputs.features if feature.column == name)


def test_rows_are_typed_and_complete(prepared: PreparedTable, rows: pd.DataFrame) -> None:
    original = load_cancer().drop_duplicates("id").dropna(subset=["id"]).set_index("id")
    original = original.drop(index=["p002", "p004", "p005"])
    assert list(rows.index) == sorted(original.index)
    assert list(rows.columns) == [
        *(name for name in original.columns if name not in ("diagnosis", "nothing")),
        "label",
        "label_index",
        "split",
    ]
    original = original.loc[rows.index]
    np.testing.assert_array_equal(rows["mean_radius"], original["mean_radius"])
    assert rows.loc["p000", "mean_area"] == load_cancer()["mean_area"][0]  # the first row of a key stays
    np.testing.assert_array_equal(rows["mean_texture"], pd.to_numeric(original["mean_texture"], errors="coerce"))
    assert rows[CATEGORY].fillna("").tolist() == original[CATEGORY].fillna("").tolist()
    assert rows["label"].tolist() == original["diagnosis"].tolist()
    assert rows["label_index"].tolist() == [prepared.target.label_names.index(label) for label in rows["label"]]


def test_rejects_say_why_and_keep_the_row(prepared: PreparedTable) -> None:
    assert prepared.rejects is not None
    table = deltalake.DeltaTable(prepared.rejects.path, version=prepared.rejects.version)
    rejects = table.to_pyarrow_table().to_pylist()
    found = sorted((row["id"] or "", row["reason"]) for row in rejects)
    assert found == [
        ("", "no_key"),
        ("p000", "duplicate_key"),
        ("p002", "no_label"),
        ("p004", "not_a_number"),
        ("p005", "no_label"),
        ("p900", "malformed_row"),
    ]
    unparsable = next(row for row in rejects if row["reason"] == "not_a_number")
    assert unparsable["detail"] == "column 'mean_texture' holds 'much'"
    raw = json.loads(unparsable["row"])
    assert (raw["id"], raw["mean_texture"], raw["nothing"]) == ("p004", "much", None)


def test_the_contract_adds_up(prepared: PreparedTable, rows: pd.DataFrame) -> None:
    assert prepared.num_rows + prepared.num_rejects == NUM_ROWS + 1
    assert prepared.num_rows == len(rows)
    assert prepared.class_rows == rows["label"].value_counts().sort_index().to_dict()
    assert {k: v for k, v in prepared.split_rows.items() if v} == rows["split"].value_counts().to_dict()
    assert prepared.reject_reasons["no_label"] == 2
    assert (prepared.key_column, prepared.target.label_names) == ("id", ("benign", "malignant"))


def test_the_spec_is_fitted_on_the_train_split(prepared: PreparedTable, rows: pd.DataFrame) -> None:
    train = rows[rows["split"] == "train"]
    for name in ("mean_radius", "mean_texture", "worst_area"):
        fitted = feature(prepared, name)
        assert isinstance(fitted, NumericFeature)
        values = train[name].dropna().sort_values()
        assert fitted.fill == values.iloc[(len(values) - 1) // 2]
        filled = train[name].fillna(fitted.fill)
        np.testing.assert_allclose([fitted.center, fitted.scale], [filled.mean(), filled.std(ddof=0)], rtol=1e-12)
    assert feature(prepared, "reason") == NumericFeature(column="reason", fill=7.0, center=7.0, scale=1.0)
    assert feature(prepared, CATEGORY) == CategoricalFeature(column=CATEGORY, categories=("large", "small"))
    assert isinstance(prepared.inputs, FeatureSpec)
    assert "nothing" not in prepared.inputs.columns


def test_encoded_train_rows_are_standardized(prepared: PreparedTable) -> None:
    assert isinstance(prepared.inputs, FeatureSpec)
    table = deltalake.DeltaTable(prepared.table.path, version=prepared.table.version).to_pyarrow_table()
    train = table.filter(pc.equal(table["split"], "train"))
    encoded = TabularEncoder(prepared.inputs).encode(train)
    assert encoded.shape == (prepared.split_rows["train"], prepared.inputs.num_encoded)
    numeric = encoded[:, :30].astype(np.float64)
    np.testing.assert_allclose(numeric.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(numeric.std(axis=0), 1, atol=1e-5)


def test_kinds_are_inferred(
    spark: SparkSession, tmp_path: Path, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "dbx_dl"):
        prepared = prepare_table(spark, configure(source, tmp_path / "out"))
    kinds = {f.column: f.kind for f in prepared.inputs.features} if isinstance(prepared.inputs, FeatureSpec) else {}
    assert kinds.pop("mean_texture") == "categorical"  # because of "much"
    assert kinds.pop(CATEGORY) == "categorical"
    assert len(kinds) == 30
    assert set(kinds.values()) == {"numeric"}
    assert "not_a_number" not in prepared.reject_reasons
    assert "column 'nothing' has no value in the train split: it is left out" in caplog.text


def test_typed_sources(spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = pd.DataFrame(
        {
            "id": range(200),
            "diagnosis": [i % 3 for i in range(200)],
            "flag": [None if i % 7 == 0 else i % 2 == 0 for i in range(200)],
            "count": pd.array([None if i % 5 == 0 else i for i in range(200)], dtype="Int32"),
            "ratio": [float("inf") if i == 1 else float("nan") if i == 2 else i / 3 for i in range(200)],
            "town": [f"t{min(i, 60)}" for i in range(200)],
            "zip": [i % 4 for i in range(200)],
            # pandas before 3 writes nanoseconds, which Spark does not read.
            "when": pd.date_range("2020-01-01", periods=200, freq="h", tz="UTC", unit="us"),
            "vector": [[i / 7, 1.0, -i] for i in range(200)],
            "ragged": [[1.0] * (1 + i % 2) for i in range(200)],
            "words": [["a"] for _ in range(200)],
            "large": [2**60 + i % 3 for i in range(200)],
        }
    )
    rows.to_parquet(tmp_path / "rows.parquet")
    deltalake.write_deltalake(tmp_path / "rows_delta", rows)
    options = {"max_categories": 4, "columns": {"zip": "categorical"}}
    one = prepare_table(spark, configure(tmp_path / "rows.parquet", tmp_path / "a", source_format="parquet", **options))
    other = prepare_table(spark, configure(tmp_path / "rows_delta", tmp_path / "b", source_format="delta", **options))
    assert one.inputs == other.inputs
    assert isinstance(one.inputs, FeatureSpec)
    assert one.inputs.columns == ("flag", "count", "ratio", "town", "zip", "when", "vector", "large")
    assert feature(one, "zip").categories == ("0", "1", "2", "3")
    assert "column 'words' is of type array<string>" in caplog.text
    assert "column 'ragged' is of type array<double> with 1 to 2 elements" in caplog.text
    assert (one.target.task, one.target.label_names) == ("multiclass", ("0", "1", "2"))
    assert feature(one, "large").categories == tuple(str(2**60 + i) for i in range(3))
    assert "column 'large' equals the target" in caplog.text
    towns = feature(one, "town").categories
    assert len(towns) == 4
    assert "t60" in towns
    stored = deltalake.DeltaTable(one.table.path).to_pandas().set_index("id").sort_index()
    assert set(stored["flag"].dropna()) == {0.0, 1.0}
    mostly = float(stored.loc[stored["split"] == "train", "flag"].mean() > 0.5)
    assert feature(one, "flag") == NumericFeature(column="flag", is_boolean=True, fill=mostly, center=0.0, scale=1.0)
    assert (stored["count"].dtype, stored["ratio"].isna().sum()) == (np.float64, 2)
    assert (stored["when"]["7"], list(stored["vector"]["7"])) == (rows["when"][7], [1.0, 1.0, -7.0])
    assert stored.index.tolist() == sorted(str(i) for i in range(200))


BAD_SOURCES: dict[str, tuple[str, dict[str, Any], str]] = {
    "label missing": ("id,x,diagnose\na,1,u\nb,2,v\n", {}, "no column 'diagnosis'; did you mean 'diagnose'"),
    "key missing": ("x,diagnosis\n1,u\n", {}, "no column 'id'"),
    "declared missing": ("id,x,diagnosis\na,1,u\n", {"columns": {"y": "numeric"}}, "no column 'y'"),
    "one class": ("id,x,diagnosis\n" + "".join(f"{i},1,u\n" for i in range(9)), {}, "the one label 'u'"),
    "no rows": ("id,x,diagnosis\n", {}, "the source holds no rows: there is nothing to prepare"),
    "no bytes": ("", {}, "is empty"),
    "no features": ("id,diagnosis\na,u\nb,v\n", {}, "no feature columns"),
    "no values": (
        "id,x,diagnosis\n" + "".join(f"{i},?,{'uv'[i % 2]}\n" for i in range(40)),
        {},
        "has a value in the train",
    ),
    "blank in a name": ("id,mean radius,diagnosis\na,1,u\n", {}, "'mean radius' .* has a character that Delta refuses"),
    "taken name": ("id,split,diagnosis\na,1,u\n", {}, "'split' .* has a name that prepared tables use"),
    "name twice": ("id,x,X,diagnosis\na,1,2,u\n", {}, "the name 'X' twice"),
    "nameless column": ("id,,diagnosis\na,1,u\n", {}, "column 2 has no name"),
    "key is label": ("id,x,diagnosis\na,1,u\n", {"key": "diagnosis"}, "they must differ"),
    "label declared": (
        "id,x,diagnosis\na,1,u\n",
        {"columns": {"diagnosis": "numeric", "x": "numeric"}},
        "key or the label",
    ),
    "too many rejects": (
        "id,x,diagnosis\na,1,u\nb,2,v\nc,3,\n",
        {"max_reject_fraction": 0.1},
        "1 of 3 rows are unusable.*1 no_label .e.g. c.",
    ),
}


@pytest.mark.parametrize("name", BAD_SOURCES)
def test_unusable_sources_leave_nothing_behind(spark: SparkSession, tmp_path: Path, name: str) -> None:
    text, changes, message = BAD_SOURCES[name]
    (tmp_path / "in.csv").write_text(text)
    with pytest.raises(DataError, match=message) as raised:
        prepare_table(spark, configure(tmp_path / "in.csv", tmp_path / "out", **changes))
    assert len(str(raised.value).splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_declared_columns_must_be_of_a_usable_type(spark: SparkSession, tmp_path: Path) -> None:
    rows = pd.DataFrame({"id": ["a", "b"], "x": [[1], [2]], "diagnosis": ["u", "v"]})
    rows.to_parquet(tmp_path / "in.parquet")
    config = configure(tmp_path / "in.parquet", tmp_path / "out", source_format="parquet", columns={"x": "numeric"})
    with pytest.raises(DataError, match=r"'x' .* is of type array<bigint>, which cannot be a numeric feature"):
        prepare_table(spark, config)


def test_sources_that_cannot_be_read(spark: SparkSession, tmp_path: Path) -> None:
    for source_format in ("csv", "parquet", "delta"):
        with pytest.raises(DataError, match=f"(?i){source_format} source .*nowhere does not exist"):
            prepare_table(spark, configure(tmp_path / "nowhere", tmp_path / "out", source_format=source_format))
    (tmp_path / "text.parquet").write_text("id,x\n" * 100)
    with pytest.raises(DataError, match="cannot be read"):
        prepare_table(spark, configure(tmp_path / "text.parquet", tmp_path / "out", source_format="parquet"))
    fine = pd.DataFrame({"id": ["a"], "when": pd.date_range("2020-01-01", periods=1, unit="ns"), "diagnosis": ["u"]})
    fine.to_parquet(tmp_path / "fine.parquet")
    with pytest.raises(DataError, match="has times in nanoseconds, which Spark does not read: write them in micro"):
        prepare_table(spark, configure(tmp_path / "fine.parquet", tmp_path / "out", source_format="parquet"))
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.csv").write_text("id,x,diagnosis\na,1,u\n")
    (tmp_path / "parts" / "b.csv").write_text("x,id,diagnosis\n1,b,v\n")
    with pytest.raises(DataError, match="header does not conform"):
        prepare_table(spark, configure(tmp_path / "parts", tmp_path / "out"))
    assert not (tmp_path / "out").exists()
