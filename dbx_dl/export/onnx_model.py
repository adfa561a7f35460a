"""Export a trained network: compose, check, compare, measure, and only then put the file in its place."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl import __version__
from dbx_dl.contracts import FileDigest, ModelMetadata, OnnxModel, TensorInfo
from dbx_dl.errors import DataError, ExportError
from dbx_dl.export.graph import compose_model
from dbx_dl.export.network_process import LOGITS_FILE, NETWORK_FILE, held_out_rows
from dbx_dl.export.parity import check_batch_sizes, measure_parity
from dbx_dl.runtime.gpus import WITHOUT_GPUS
from dbx_dl.runtime.processes import call_in_process
from dbx_dl.score.evaluation import evaluate_model
from dbx_dl.score.session import digest_file, open_model

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from pyspark.sql import SparkSession

    from dbx_dl.config import ExportConfig
    from dbx_dl.contracts import Parity, TrainedModel

logger = logging.getLogger(__name__)

MODEL_FILE = "model.onnx"


def export_onnx(spark: SparkSession, trained: TrainedModel, config: ExportConfig, *, directory: str) -> OnnxModel:
    """Write `<directory>/model.onnx`, which takes raw inputs and gives `probabilities` float32 (N, number of labels).

    The file appears there only once it has passed every gate: ONNX's checker, ONNX Runtime, the same rows at batch
    sizes 1, 2 and 17, agreement with the network on held-out rows within `config.parity_tolerance`. ExportError names
    what failed; a file of an earlier export is removed first. Metrics of the test split are measured on Spark.
    """
    _require_classes(trained)
    target = Path(directory) / MODEL_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    _check_weights(trained)
    logger.info("exporting %s (%s) to %s", trained.network, trained.framework, target)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export_") as folder:
        network, logits_nc, versions = _run_framework(trained, config, folder)
        candidate = Path(folder) / MODEL_FILE
        write_model(network, _describe(trained, config, versions), candidate)
        parity = _check(candidate, trained, config, logits_nc)
        metrics = evaluate_model(spark, str(candidate), trained.prepared, split="test")
        model = _describe_file(candidate, target, trained, config, parity, metrics)
        candidate.replace(target)
    logger.info("%s agrees with the network: largest difference %.2g", target, parity.max_abs_difference)
    return model


def write_model(network: onnx.ModelProto, metadata: ModelMetadata, path: Path) -> None:
    """Compose the model around a network and write it; ExportError when ONNX's checker refuses it."""
    import onnx

    try:
        model = compose_model(network, metadata)
        onnx.save_model(model, str(path))
        onnx.checker.check_model(str(path), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ExportError(f"the composed ONNX model of network {metadata.network!r} is not valid: {reason}") from None


def _require_classes(trained: TrainedModel) -> None:
    task = trained.prepared.target.task
    if not trained.prepared.target.is_classification:
        raise ExportError(f"a model of the task {task} cannot be exported yet: only binary and multiclass ones can")


def _check_weights(trained: TrainedModel) -> None:
    found = digest_file(trained.weights.path)
    if found != trained.weights.sha256:
        raise DataError(
            f"{trained.weights.path} was changed after training (SHA-256 {found}, not {trained.weights.sha256}): "
            "train again"
        )


def _run_framework(
    trained: TrainedModel, config: ExportConfig, folder: str
) -> tuple[onnx.ModelProto, np.ndarray, dict[str, str]]:
    """The exported network, its logits on the held-out rows, and versions; the framework lives in its own process."""
    import numpy as np
    import onnx

    arguments: dict[str, Any] = {
        "trained": trained.model_dump(mode="json"),
        "directory": folder,
        "opset": config.opset,
        "num_rows": config.parity_rows,
    }
    # On the CPU: a GPU multiplies float32 with 10 bits of mantissa (TF32), which is further off than the tolerance.
    versions = call_in_process("dbx_dl.export.network_process:export_network", arguments, environment=WITHOUT_GPUS)
    with np.load(Path(folder) / LOGITS_FILE, allow_pickle=False) as arrays:
        logits_nc: np.ndarray = arrays["logits"]
    return onnx.load_model(str(Path(folder) / NETWORK_FILE)), logits_nc, versions


def _describe(trained: TrainedModel, config: ExportConfig, versions: dict[str, str]) -> ModelMetadata:
    import onnx
    import onnxruntime

    own = {"dbx_dl": __version__, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
    return ModelMetadata(
        inputs=trained.prepared.inputs,
        target=trained.prepared.target,
        table=trained.prepared.table,
        framework=trained.framework,
        network=trained.network,
        run_id=trained.run_id,
        opset=config.opset,
        versions={**trained.versions, **versions, **own},
    )


def _check(path: Path, trained: TrainedModel, config: ExportConfig, logits_nc: np.ndarray) -> Parity:
    split, table = held_out_rows(trained.prepared, config.parity_rows)
    if split != "test":
        logger.warning("there are no test rows: the ONNX file is compared with the network on %s rows", split)
    keys = [str(key) for key in table.column(trained.prepared.key_column).to_pylist()]
    rows = table.combine_chunks().to_batches()[0]
    try:
        session = open_model(path)
    except DataError as error:
        raise ExportError(str(error)) from None
    check_batch_sizes(session, rows, config.parity_tolerance)
    return measure_parity(session, rows, keys, logits_nc, config.parity_tolerance)


def _describe_file(
    candidate: Path,
    target: Path,
    trained: TrainedModel,
    config: ExportConfig,
    parity: Parity,
    metrics: dict[str, float],
) -> OnnxModel:
    import onnx

    graph = onnx.load_model(str(candidate), load_external_data=False).graph
    return OnnxModel(
        trained=trained,
        file=FileDigest(path=str(target.absolute()), sha256=digest_file(candidate)),
        size_bytes=candidate.stat().st_size,
        opset=config.opset,
        inputs=tuple(describe_tensor(value) for value in graph.input),
        outputs=tuple(describe_tensor(value) for value in graph.output),
        parity=parity,
        metrics=metrics,
    )


def describe_tensor(value: onnx.ValueInfoProto) -> TensorInfo:
    """Name, element type (as in NumPy; `string` for text) and shape (None: free) of a graph's input or output."""
    import onnx

    kind = value.type.tensor_type
    name = onnx.TensorProto.DataType.Name(kind.elem_type).lower()
    dtype = {"double": "float64", "float": "float32"}.get(name, name)
    shape = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim)
    return TensorInfo(name=value.name, dtype=dtype, shape=shape)
