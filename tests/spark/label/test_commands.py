"""`dbx-dl label` from a file of labels to a prepared table, with what a model labels, as a user types it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from typer.testing import CliRunner

from dbx_dl.cli import app
from dbx_dl.config import load_run_config
from dbx_dl.contracts import ResolvedLabels
from dbx_dl.label.table import append_labels, read_latest
from dbx_dl.pipeline import prepare_run
from tests.label_events import make_event

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NUM, NUM_LABELLED = 1600, 1200


@pytest.fixture
def config(spark: SparkSession, tmp_path: Path) -> str:
    """A run on rows of which a model says what they are; it is right from a probability of about one half on."""
    random = np.random.default_rng(2)
    sure = random.random(NUM)
    said = np.where(sure > 0.5, np.arange(NUM) % 2, random.integers(0, 2, NUM))
    scores = pa.table(
        {
            "key": [f"r{number}" for number in range(NUM)],
            "label": ["even" if value == 0 else "odd" for value in said],
            "probability": 0.5 + sure / 2,
            "probabilities": [[0.5 + p / 2, 0.5 - p / 2] for p in sure],
            "model_name": ["parity"] * NUM,
            "model_version": pa.array([3] * NUM, pa.int32()),
        }
    )
    spark.createDataFrame(scores).write.format("delta").save(str(tmp_path / "scores"))
    (tmp_path / "rows.csv").write_text("id,x,y\n" + "".join(f"r{n},{n % 2},{n}\n" for n in range(NUM)))
    run = {
        "name": "parity",
        "directory": str(tmp_path / "run"),
        "tracking": {"uri": f"sqlite:///{tmp_path / 'mlflow.db'}"},
        "label": {
            "table": str(tmp_path / "labels"),
            "task": "classes",
            "classes": ["even", "odd"],
            "items": str(tmp_path / "scores"),
            "queue": {"table": str(tmp_path / "queue"), "strategy": "margin", "budget": 7},
            "pseudo": {"precision": 0.8},
            "resolve": {"table": str(tmp_path / "resolved"), "sources": ["human", "model"]},
        },
        "prepare": {
            "kind": "table",
            "source": str(tmp_path / "rows.csv"),
            "table": str(tmp_path / "prepared"),
            "key": "id",
            "label": "answer",
            "labels": {"table": str(tmp_path / "resolved")},
            "columns": {"x": {"kind": "numeric"}, "y": {"kind": "numeric"}},
        },
        "train": {"network": "mlp"},
        "registry": {"name": "parity"},
        "score": {
            "source": str(tmp_path / "rows.csv"),
            "source_format": "csv",
            "key": "id",
            "model": "models:/parity@champion",
            "table": str(tmp_path / "scores"),
        },
    }
    path = tmp_path / "run.yml"
    path.write_text(yaml.safe_dump(run))
    return str(path)


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    """Commands leave a handler that writes to what the runner has closed by then."""
    logger = logging.getLogger("dbx_dl")
    before = list(logger.handlers)
    yield
    logger.handlers[:] = before


def label(*arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, ["label", *arguments])
    assert result.exit_code == exit_code, result.output
    return result.output


def label_json(*arguments: str) -> Any:
    return json.loads(label(*arguments, "--json").splitlines()[-1])


@pytest.mark.matrix
def test_from_a_file_of_labels_to_a_prepared_table(spark: SparkSession, tmp_path: Path, config: str) -> None:
    file, given = tmp_path / "labels.csv", ("--config", config)
    answers = [f"r{number},{'even' if number % 2 == 0 else 'odd'}" for number in range(NUM_LABELLED)]
    file.write_text("\n".join(["item_key,label", *answers, "r1,cow"]))
    said = label("import", str(file), *given, "--annotator", "ann", exit_code=1)
    assert "bad rows, nothing is imported: line 1202: label 'cow' is none of the classes" in said
    assert not (tmp_path / "labels").exists()
    file.write_text("\n".join(["item_key,label", *answers, "nobody,odd"]))
    written = label_json("import", str(file), *given, "--annotator", "ann")
    assert (written["num_new"], written["num_known"]) == (NUM_LABELLED + 1, 0)
    assert written["problems"] == [f"1 of 1201 keys are of no item of {tmp_path / 'scores'}: 'nobody'"]
    assert label_json("import", str(file), *given, "--annotator", "ann")["num_new"] == 0
    file.write_text("item_key,label\nr0,odd\n")
    odd = ("import", str(file), *given, "--annotator", "zoe", "--batch")
    assert "has no column" in label(*odd, "z1", "--set", "label.items_key=name", exit_code=1)
    assert label_json(*odd, "z1")["num_new"] == 1, "nothing was written beside the failure"
    label("withdraw", *given, "--annotator", "zoe", "--batch", "z1")
    again = label_json(*odd, "z1")
    assert again["num_new"] == 0 and again["problems"][0].startswith("1 of 1 labels were withdrawn and stay so")

    inbox = tmp_path / "run" / "label_inbox"
    inbox.mkdir(parents=True)
    lines = [make_event(f"e{n}", f"r{n}", "even" if n % 2 == 0 else "odd", annotator="ben") for n in range(12)]
    (inbox / "ben.jsonl").write_text("".join(event.model_dump_json() + "\n" for event in lines))
    prepared = prepare_run(spark, load_run_config(config))
    assert prepared.num_rows == NUM_LABELLED and prepared.labels is not None
    resolved = ResolvedLabels.load(tmp_path / "run" / "resolved.json")
    assert (resolved.table, resolved.source_items) == (prepared.labels, {"human": NUM_LABELLED + 1})
    assert "Fleiss' kappa 1.000" in label("agree", *given)
    queued = label_json("queue", *given)
    assert (queued["num_queued"], queued["num_left"]) == (7, NUM - NUM_LABELLED)
    out = tmp_path / "out.jsonl"
    assert "exported: 1213 labels" in label("export", str(out), *given)
    assert len(out.read_text().splitlines()) == 1213


def test_a_models_labels_are_kept_apart_and_taken_back(spark: SparkSession, tmp_path: Path, config: str) -> None:
    given, labels = ("--config", config), str(tmp_path / "labels")
    answers = [make_event(f"e{n}", f"r{n}", "even" if n % 2 == 0 else "odd") for n in range(NUM_LABELLED)]
    # Where a suggestion was shown, what people said of it counts neither for the model nor against it.
    shown = {n: {"had_suggestion": True, "was_suggested": n % 2 == 0} for n in range(0, 300, 3)}
    answers = [event.model_copy(update=shown.get(number, {})) for number, event in enumerate(answers)]
    append_labels(spark, labels, answers)
    held_out = spark.range(NUM_LABELLED).selectExpr("concat('r', id) AS id", "if(id % 3 = 0, 'test', 'train') AS split")
    held_out.write.format("delta").save(str(tmp_path / "prepared"))
    said = label("pseudo", *given, "--batch", "p1", "--json")
    assert "it is not known on which table parity version 3 was trained" in said
    found = json.loads(said.splitlines()[-1])
    assert 0 < found["written"]["num_new"] < NUM - NUM_LABELLED and found["model"] == "parity@3"
    for threshold in found["thresholds"]:
        assert threshold["num_held_out"] < NUM_LABELLED / 3
    assert sum(threshold["num_held_out"] for threshold in found["thresholds"]) == NUM_LABELLED // 3 - 100
    for threshold in found["thresholds"]:
        assert 0.6 < threshold["threshold"] < 0.9 and threshold["precision_low"] >= 0.8
    models = read_latest(spark, labels, sources=["model"]).collect()
    assert len(models) == found["written"]["num_new"]
    assert all(int(row["item_key"][1:]) >= NUM_LABELLED for row in models)
    assert {(row["batch_id"], row["annotator"]) for row in models} == {("p1", "parity@3")}
    again = label_json("pseudo", *given, "--batch", "p1")
    assert (again["written"]["num_new"], again["thresholds"]) == (0, found["thresholds"])
    resolved = label_json("resolve", *given)
    assert resolved["source_items"] == {"human": NUM_LABELLED, "model": len(models)}
    assert label_json("withdraw", *given, "--annotator", "ann", "--batch", "p1")["num_new"] == len(models)
    assert label_json("resolve", *given)["source_items"] == {"human": NUM_LABELLED}
    said = label("pseudo", *given, "--batch", "p1", exit_code=1)
    assert "batch 'p1' was withdrawn" in " ".join(said.split()) and "another batch" in " ".join(said.split())
    few = ("--set", "label.pseudo.splits=[validation]")
    assert "has a person's label" in label("pseudo", *given, *few, exit_code=1)
