"""Arrays of numbers with a label for each step: checked row by row, fitted on the train split, read by the feed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.config import PrepareTableConfig
from dbx_dl.contracts import StepsSpec
from dbx_dl.feed.reader import open_feed
from dbx_dl.prepare.tabular.prepare import prepare_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_steps_are_prepared(spark: SparkSession, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = []
    for number in range(40):
        x = random.normal(3, 2, int(random.integers(1, 9))).tolist()
        rows.append((f"{number:02d}", x, [-value for value in x], ["up" if value > 3 else "down" for value in x]))
    rows[0][1][0] = float("nan")
    bad = [("uneven", [1.0, 2.0], [1.0], ["up", "up"]), ("labels", [1.0, 2.0], [1.0, 2.0], ["up"])]
    schema = "id string, x array<double>, y array<double>, z array<string>"
    spark.createDataFrame([*rows, *bad], schema).write.parquet(str(tmp_path / "in"))
    config = PrepareTableConfig.model_validate(
        {
            "source": str(tmp_path / "in"),
            "source_format": "parquet",
            "table": str(tmp_path / "out"),
            "key": "id",
            "label": "z",
            "task": "frames",
            "columns": {"x": {"kind": "steps", "max_steps": 6}, "y": {"kind": "steps", "scale": "none"}},
        }
    )
    prepared = prepare_table(spark, config)
    assert prepared.reject_reasons == {"uneven_steps": 1, "misaligned_labels": 1}
    spec = prepared.inputs
    assert isinstance(spec, StepsSpec) and spec.row_shape == (6, 3)
    assert (prepared.target.task, prepared.target.num_frames) == ("frames", 6)
    assert prepared.target.label_names == ("down", "up")
    by_key = {key: (np.array(x), z) for key, x, _, z in rows}
    keys = [key for batch in open_feed(prepared, "train", batch_size=64).batches(None) for key in batch.keys if key]
    numbers = np.concatenate([by_key[key][0] for key in keys])
    finite = numbers[np.isfinite(numbers)]
    x, y = spec.features
    np.testing.assert_allclose([x.fill, x.center, x.scale], [finite.mean(), finite.mean(), finite.std()], rtol=1e-9)
    assert (y.center, y.scale) == (0, 1)
    (batch,) = open_feed(prepared, "train", batch_size=len(keys)).batches(None)
    assert batch.inputs.shape == (len(keys), 6, 3)
    for inputs, labels, key in zip(batch.inputs, batch.labels, batch.keys, strict=True):
        values, truth = by_key[key]
        length = min(6, len(values))
        expected = (np.where(np.isfinite(values), values, x.fill) - x.center) / x.scale
        np.testing.assert_allclose(inputs[:length, 0], expected[:length], rtol=1e-5, atol=1e-6)
        assert inputs[:, 2].tolist() == [1] * length + [0] * (6 - length) and not inputs[length:].any()
        names = [prepared.target.label_names[label] for label in labels[:length]]
        assert names == truth[:length] and (labels[length:] == -1).all()
    (profile,) = [profile for profile in prepared.statistics.profiles if profile.column == "x"]
    assert profile.kind == "steps" and profile.mean == x.center
    assert any("have more than 6 steps" in sentence for sentence in prepared.statistics.warnings)
    assert prepare_table(spark, config) == prepared
