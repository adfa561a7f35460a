"""What a file says of itself: where its model comes from, what it takes and gives, and which versions made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl import __version__
from dbx_dl.contracts import ModelMetadata
from dbx_dl.frameworks.requests import find_label_scaling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dbx_dl.config import ExportConfig
    from dbx_dl.contracts import TrainedModel


def describe_model(trained: TrainedModel, config: ExportConfig, versions: Mapping[str, str]) -> ModelMetadata:
    """The metadata of the plain file of a trained network; `versions` are those of the process that exported it."""
    import onnx
    import onnxruntime

    own = {"dbx_dl": __version__, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
    center, scale = find_label_scaling(trained.prepared)
    return ModelMetadata(
        inputs=trained.prepared.inputs,
        target=trained.prepared.target,
        table=trained.prepared.table,
        framework=trained.framework,
        network=trained.network,
        run_id=trained.run_id,
        opset=config.opset,
        versions={**trained.versions, **versions, **own},
        label_center=center,
        label_scale=scale,
        calibration=trained.calibration,
        threshold=trained.threshold,
        embeddings=config.embeddings,
        inputs_sha256=trained.prepared.inputs.digest,
    )
