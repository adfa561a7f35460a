"""A finished run and its evidence, made up, for tests of what is shown about runs."""

import io

import numpy as np
from PIL import Image

from dbx_dl.config import RunConfig
from dbx_dl.contracts import (
    EpochMetrics,
    FeatureSpec,
    FileDigest,
    ImageSpec,
    NumericFeature,
    OnnxModel,
    Parity,
    PreparedTable,
    Promotion,
    RegisteredModel,
    ScoredTable,
    TableVersion,
    Target,
    TrainedModel,
)
from dbx_dl.demo import breast_cancer_run, digits_run
from dbx_dl.monitor.run_report.evidence import Evidence, HeldOutPredictions, choose_samples
from dbx_dl.monitor.run_report.outcome import RunOutcome

DIGITS = tuple("0123456789")


def finished_run(kind: str = "images", champion_version: int | None = 2, scored_by: int | None = 2) -> RunOutcome:
    """A run of both frameworks: keras is version 1, torch version 2."""
    config = digits_run("demo") if kind == "images" else breast_cancer_run("demo")
    prepared = _prepared(config, kind)
    models = tuple(
        _registered(config, prepared, framework, version) for version, framework in enumerate(("keras", "torch"), 1)
    )
    return RunOutcome(
        config=config,
        prepared=prepared,
        registered=models,
        promotion=Promotion(
            name=config.name,
            metric=config.registry.metric,
            values={1: 0.9812, 2: 0.9887},
            champion_version=champion_version,
            previous_version=None,
            reason="version 2 is champion: 0.9887 beats 0.9812",
        ),
        scored=ScoredTable(
            table=TableVersion(name="/t/scores", path="/t/scores", version=0),
            source=config.score.source,
            model_name=config.name,
            model_version=scored_by,
            model_sha256="0" * 64,
            num_rows=1801,
            num_errors=4,
            error_reasons={"truncated": 1, "not_an_image": 1, "empty": 1, "too_small": 1},
            seconds=2.0,
        ),
    )


def found_evidence(outcome: RunOutcome) -> Evidence:
    """Evidence that fits the outcome, with right and wrong predictions and an image for each sample."""
    names = outcome.prepared.target.label_names
    predictions = {model.onnx.trained.framework: _predictions(len(names)) for model in outcome.registered}
    samples = choose_samples(predictions["torch"], names)
    if outcome.prepared.inputs.kind == "images":
        samples = [type(s)(s.key, s.truth, s.label, s.probability, _png(number)) for number, s in enumerate(samples)]
    return Evidence(
        rejects=[
            ("0/truncated.png", "truncated", "image file is truncated"),
            ("3/<b>.png", "not_an_image", "no image"),
        ],
        predictions=predictions,
        sample_framework="torch",
        samples=samples,
        score_labels={name: 100 + number for number, name in enumerate(names)},
        score_errors=[("0/truncated.png", "truncated: image file is truncated")],
    )


def _prepared(config: RunConfig, kind: str) -> PreparedTable:
    numeric = NumericFeature(column="mean_radius", fill=0.0, center=0.0, scale=1.0)
    return PreparedTable(
        table=TableVersion(name="/t/rows", path="/t/rows", version=3),
        rejects=TableVersion(name="/t/rows_rejects", path="/t/rows_rejects", version=0),
        source=str(getattr(config.prepare.source, "place", config.prepare.source)),
        key_column="path" if kind == "images" else "id",
        inputs=ImageSpec(height=8, width=8, channels=1) if kind == "images" else FeatureSpec(features=(numeric,)),
        target=Target(column="label", label_names=DIGITS if kind == "images" else ("benign", "malignant")),
        split_rows={"train": 1258, "validation": 270, "test": 269},
        class_rows={"0": 1797},
        num_rejects=4,
        reject_reasons={"truncated": 1, "not_an_image": 1, "empty": 1, "too_small": 1},
    )


def _registered(config: RunConfig, prepared: PreparedTable, framework: str, version: int) -> RegisteredModel:
    trained = TrainedModel(
        prepared=prepared,
        framework=framework,
        network=config.train.network,
        network_options={},
        weights=FileDigest(path="w", sha256="0" * 64),
        directory=f"/runs/{framework}",
        run_id="r",
        tracking_uri="sqlite:///x",
        num_ranks=2,
        batch_size=16,
        seed=0,
        history=tuple(_epoch(number) for number in range(1, 9)),
        best_epoch=7,
        metrics={"test_accuracy": 0.98},
        rows_per_second=1234.5,
        versions={framework: "1.2.3"},
    )
    onnx = OnnxModel(
        trained=trained,
        file=FileDigest(path="m", sha256="0" * 64),
        size_bytes=123456,
        opset=18,
        inputs=(),
        outputs=(),
        parity=Parity(num_rows=256, max_abs_difference=3.1e-7, share_equal_classes=1.0, tolerance=1e-4),
        metrics={"accuracy": 0.98, "log_loss": 0.07, "auc": 0.999},
    )
    return RegisteredModel(onnx=onnx, name=config.name, version=version, uri=f"models:/{config.name}/{version}")


def _epoch(number: int) -> EpochMetrics:
    metrics = {
        "train_loss": 1 / number,
        "validation_loss": 1.2 / number,
        "train_accuracy": 1 - 0.5 / number,
        "validation_accuracy": 1 - 0.6 / number,
    }
    return EpochMetrics(epoch=number, metrics=metrics, seconds=1.0, rows_per_second=1200.0)


def _predictions(num_classes: int) -> HeldOutPredictions:
    random = np.random.default_rng(7)
    labels = random.integers(0, num_classes, 269)
    logits = random.normal(size=(269, num_classes)) + 4.0 * np.eye(num_classes)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    keys = np.array([f"{label}/{row:04d}.png" for row, label in enumerate(labels)])
    return HeldOutPredictions(keys, labels, probabilities.astype(np.float32))


def _png(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (8, 8)).astype(np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()
