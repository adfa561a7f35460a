"""Export a trained network: compose, put through the gates, measure variants, and only then put the file in place."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import FileDigest, OnnxModel
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.export.choice import find_metric
from dbx_dl.export.competition import compare_variants, measure_candidate
from dbx_dl.export.gates import Candidate, Tolerances, run_gates
from dbx_dl.export.inspection import describe_tensor, inspect_model
from dbx_dl.export.metadata import describe_model
from dbx_dl.export.model_files import MODEL_FILE, move_model, remove_model, write_model
from dbx_dl.export.network_process import NETWORK_FILE, OUTPUTS_FILE, held_out_rows
from dbx_dl.export.parity import HeldOutRows
from dbx_dl.feed.storage import lend_options
from dbx_dl.frameworks.architectures import ARCHITECTURES
from dbx_dl.runtime.gpus import WITHOUT_GPUS
from dbx_dl.runtime.processes import call_in_process
from dbx_dl.score.evaluation import predict_split
from dbx_dl.score.model.session import digest_file
from dbx_dl.tasks import TaskSettings, task_of

if TYPE_CHECKING:
    import numpy as np
    from pyspark.sql import SparkSession

    from dbx_dl.config import ExportConfig
    from dbx_dl.contracts import ModelMetadata, OutputKind, TrainedModel
    from dbx_dl.export.competition import Measured

__all__ = ["MODEL_FILE", "describe_tensor", "export_onnx", "write_model"]

logger = logging.getLogger(__name__)

_TEST_PREFIX = "test_"


@dataclass(frozen=True)
class ExportedNetwork:
    """What the framework's process left: the network's ONNX file, its own outputs for held-out rows, and versions."""

    path: Path
    outputs: dict[str, np.ndarray]
    versions: dict[str, str]


def export_onnx(spark: SparkSession, trained: TrainedModel, config: ExportConfig, *, directory: str) -> OnnxModel:
    """Write `<directory>/model.onnx`, which takes raw inputs and gives the predictions of the table's task.

    Its outputs are those of `heads.add_head`. The file appears there only once it has passed every gate of
    `gates.GATES`: ExportError names the gate, what it found and the first such row; an earlier export's file is
    removed first. `config.variants` are measured beside it on the test split, and the chosen one takes its place.
    Weights of more than `config.inline_bytes` lie in `model.onnx.data`. ConfigError for an inner layer or a metric
    that is not there and for a directory that cannot be made, DataError when the weights were changed.
    """
    metric = find_metric(trained.prepared, config)
    config = choose_embeddings(trained, config)
    target = Path(directory) / MODEL_FILE
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"the model cannot be written to {target.parent}: {error.strerror}") from None
    remove_model(target)
    check_weights(trained)
    logger.info("exporting %s (%s) to %s", trained.network, trained.framework, target)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export_") as folder:
        network = _run_framework(trained, config, Path(folder))
        plain = _write_candidate(spark, trained, config, network, Path(folder) / MODEL_FILE)
        run_gates(plain)
        chosen, variants = compare_variants(measure_candidate(plain), network.path, config, metric)
        model = _describe_file(chosen, target, trained, config).model_copy(update={"variants": variants})
        move_model(chosen.candidate.path, target)
    logger.info("%s agrees with the network: largest difference %.2g", target, model.parity.max_abs_difference)
    return model


def choose_embeddings(trained: TrainedModel, config: ExportConfig) -> ExportConfig:
    """The config, with the layer of the network's code where it has one and no other layer is asked for."""
    architecture = ARCHITECTURES.get(trained.network)
    if architecture is None or architecture.code is None or config.embeddings is not None:
        return config
    return config.model_copy(update={"embeddings": architecture.code})


def check_weights(trained: TrainedModel) -> None:
    """DataError when the weights' file is not the one that training wrote."""
    found = digest_file(trained.weights.path)
    if found != trained.weights.sha256:
        raise DataError(
            f"{trained.weights.path} was changed after training (SHA-256 {found}, not {trained.weights.sha256}): "
            "train again"
        )


def _run_framework(trained: TrainedModel, config: ExportConfig, folder: Path) -> ExportedNetwork:
    """Export in a process of its own, so that no two frameworks ever meet in one."""
    import numpy as np

    arguments: dict[str, Any] = {
        "trained": trained.model_dump(mode="json"),
        "directory": str(folder),
        "opset": config.opset,
        "num_rows": config.parity_rows,
        "embeddings": config.embeddings,
    }
    # On the CPU: a GPU multiplies float32 with 10 bits of mantissa (TF32), which is further off than the tolerance.
    environment = {**WITHOUT_GPUS, **lend_options(trained.prepared.storage_options)}
    versions = call_in_process("dbx_dl.export.network_process:export_network", arguments, environment=environment)
    with np.load(folder / OUTPUTS_FILE, allow_pickle=False) as arrays:
        return ExportedNetwork(folder / NETWORK_FILE, dict(arrays), versions)


def _write_candidate(
    spark: SparkSession, trained: TrainedModel, config: ExportConfig, network: ExportedNetwork, path: Path
) -> Candidate:
    import onnx

    metadata = describe_model(trained, config, network.versions)
    write_model(onnx.load_model(str(network.path)), metadata, path, config.inline_bytes)
    reference, training_rows = _read_training(trained)
    return Candidate(
        path=path,
        metadata=metadata,
        held_out=read_held_out(trained, config.parity_rows, metadata, network.outputs),
        prepared=trained.prepared,
        tolerances=Tolerances(config.parity_tolerance, config.parity_tolerance, config.metric_tolerance),
        predict_test=lambda file: predict_split(spark, file, trained.prepared, "test"),
        reference=reference,
        training_rows=training_rows,
    )


def _read_training(trained: TrainedModel) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Training's metrics of the test split, and its predictions by key, none where its directory is elsewhere.

    Where sample weights weighed the metrics, they are computed anew of the predictions, each row alike.
    """
    import numpy as np

    named = {name: value for name, value in trained.metrics.items() if name.startswith(_TEST_PREFIX)}
    metrics = {name.removeprefix(_TEST_PREFIX): value for name, value in named.items()}
    path = Path(trained.directory) / "test_predictions.npz"
    if not path.is_file():
        return metrics, {}
    with np.load(path, allow_pickle=False) as arrays:
        values = arrays["probabilities"] if "probabilities" in arrays else arrays["predictions"]
        if "sample_weights" in arrays:
            metrics = task_of(trained.prepared.target).measure(arrays["labels"], values)
        return metrics, dict(zip(arrays["keys"].tolist(), values, strict=True))


def read_held_out(
    trained: TrainedModel, num_rows: int, metadata: ModelMetadata, outputs: dict[str, np.ndarray]
) -> HeldOutRows:
    """Held-out raw rows, and the predictions that the network's `outputs` for them are."""
    split, table = held_out_rows(trained.prepared, num_rows)
    if split != "test":
        logger.warning("there are no test rows: the ONNX file is compared with the network on %s rows", split)
    task = task_of(metadata.target)
    expected: dict[OutputKind, np.ndarray] = {
        task.output_kind: task.predict(outputs["logits"], TaskSettings.of_model(metadata))
    }
    if "embedding" in outputs:
        expected["embedding"] = outputs["embedding"]
    keys = [str(key) for key in table.column(trained.prepared.key_column).to_pylist()]
    return HeldOutRows(table.combine_chunks().to_batches()[0], keys, expected)


def _describe_file(chosen: Measured, target: Path, trained: TrainedModel, config: ExportConfig) -> OnnxModel:
    facts = inspect_model(chosen.candidate.path)
    return OnnxModel(
        trained=trained,
        file=FileDigest(path=str(target.absolute()), sha256=facts.sha256),
        size_bytes=facts.size_bytes,
        opset=config.opset,
        inputs=facts.inputs,
        outputs=facts.outputs,
        parity=chosen.parity,
        metrics=chosen.candidate.metrics,
        latency_ms=chosen.latency_ms,
    )
