"""The MLflow model folder of an ONNX file: two flavours, signature, example, requirements; nothing pickled."""

from __future__ import annotations

import logging
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl import __version__
from dbx_dl.contracts import AudioSpec, FileSpec
from dbx_dl.contracts.networks import NETWORK_FILE, NETWORK_FOLDER
from dbx_dl.frameworks.rebuilding import describe_network
from dbx_dl.runtime.tracking import quiet_mlflow
from dbx_dl.score.model.external_data import list_data_files
from dbx_dl.score.model.session import digest_file, open_model
from dbx_dl.score.outputs.box_lists import BOX_LISTS, BOX_NUMBERS
from dbx_dl.score.outputs.structs import prediction_fields

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import ModelSignature

    from dbx_dl.contracts import ModelMetadata, OnnxModel, PreparedTable

LOADER_MODULE = "dbx_dl.score.mlflow_flavor"
_EXAMPLE_ROWS = 3


logger = logging.getLogger(__name__)


def write_model_folder(model: OnnxModel, folder: Path, model_id: str | None = None) -> None:
    """Write the MLflow model of an ONNX file into the absent folder `folder`.

    Its flavours are `onnx` (what `mlflow.onnx.load_model` reads) and `python_function` with our own loader, since
    MLflow's own ONNX predict feeds columns and reshapes outputs its own way. The file is copied byte for byte. The
    trained network lies beside it (`contracts.StoredNetwork`), since gradients can be had from that alone.
    """
    with quiet_mlflow():
        import mlflow.pyfunc
        import onnx
        from mlflow.models import Model

        source = Path(model.file.path)
        described = Model(run_id=model.trained.run_id, model_id=model_id)
        described.add_flavor(
            "onnx",
            onnx_version=onnx.__version__,
            data=f"data/{source.name}",
            providers=["CPUExecutionProvider"],
            onnx_session_options=None,
            code=None,
        )
        mlflow.pyfunc.save_model(
            path=str(folder),
            loader_module=LOADER_MODULE,
            data_path=str(source),
            mlflow_model=described,
            signature=describe_signature(open_model(source, model.file.sha256).metadata),
            input_example=read_example(model.trained.prepared),
            pip_requirements=_list_requirements(model.trained.prepared),
            metadata=_describe_metadata(model),
        )
        for file in list_data_files(source):
            shutil.copyfile(file, folder / "data" / file.name)
        _keep_network(model, folder / NETWORK_FOLDER)


def _keep_network(model: OnnxModel, folder: Path) -> None:
    """The network's weights as training wrote them, and what rebuilds it; a warning where they are gone or changed."""
    weights = Path(model.trained.weights.path)
    if not weights.is_file() or digest_file(weights) != model.trained.weights.sha256:
        logger.warning("%s is not there or was changed: the version gets no network to explain by gradients", weights)
        return
    folder.mkdir()
    shutil.copyfile(weights, folder / weights.name)
    describe_network(model.trained, model.file.sha256).save(folder / NETWORK_FILE)


def describe_signature(metadata: ModelMetadata) -> ModelSignature:
    """Raw columns in (bytes of files, doubles, strings, timestamps, arrays of doubles), `prediction_fields` out.

    Tables may leave any of them null. MLflow itself wants timestamps without a time zone, which are UTC then, in the
    years that nanoseconds reach (1678 to 2261). A row that cannot be scored has nulls and an error, so that all outputs
    may be absent.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import Array, Map, Object, Property

    inputs = metadata.inputs
    if isinstance(inputs, FileSpec):
        columns = [ColSpec(DataType.binary, inputs.column)]
    else:
        kinds = {
            "numeric": DataType.double,
            "categorical": DataType.string,
            "hashed": DataType.string,
            "datetime": DataType.datetime,
            "embedding": Array(DataType.double),
            "text": DataType.string,
            "id": DataType.string,
            "history": Array(DataType.string),
            "steps": Array(DataType.double),
        }
        # MLflow lets an array be null only where its column may be absent too.
        arrays = ("embedding", "history", "steps")
        columns = [ColSpec(kinds[f.kind], f.column, required=f.kind not in arrays) for f in inputs.features]
    numbers = [Property(name, DataType.double) for name in BOX_NUMBERS]
    types = {
        "string": DataType.string,
        "int": DataType.integer,
        "double": DataType.double,
        "array<double>": Array(DataType.double),
        "array<float>": Array(DataType.float),
        "array<string>": Array(DataType.string),
        "binary": DataType.binary,
        "map<string,double>": Map(DataType.double),
        BOX_LISTS: Array(Object([Property("label", DataType.string), *numbers])),
        "array<array<float>>": Array(Array(DataType.float)),
    }
    fields = prediction_fields(metadata)
    outputs = [ColSpec(types[kind], name, required=False) for name, kind in fields.items()]
    return ModelSignature(inputs=Schema(columns), outputs=Schema(outputs))


def read_example(prepared: PreparedTable) -> pd.DataFrame | None:
    """The first raw rows of the first split that has any, test before validation before train.

    Timestamps are as the signature wants them; those beyond its years are left null.
    """
    from dbx_dl.contracts import SPLITS
    from dbx_dl.feed.rows import read_rows
    from dbx_dl.score.inputs.binding import input_columns

    for split in reversed(SPLITS):
        if prepared.split_rows.get(split, 0):
            rows = read_rows(prepared, split, _EXAMPLE_ROWS)
            frame: pd.DataFrame = rows.select(list(input_columns(prepared.inputs))).to_pandas()
            return _fit_timestamps(frame)
    return None


def _fit_timestamps(frame: pd.DataFrame) -> pd.DataFrame:
    import numpy as np

    first, last = np.datetime64("1678-01-01", "s"), np.datetime64("2261-12-31", "s")
    for name in frame.select_dtypes(["datetime", "datetimetz"]).columns:
        times = frame[name].dt.tz_localize(None)
        frame[name] = times.where(times.between(first, last))
    return frame


def _list_requirements(prepared: PreparedTable) -> list[str]:
    """What loading the python_function flavour needs, at the versions of this process."""
    libraries = ["onnx", "onnxruntime", "numpy", "pandas", "pyarrow", "pillow", "mlflow"]
    if isinstance(prepared.inputs, AudioSpec):
        libraries += ["soundfile", "scipy"]
    return [f"dbx_dl=={__version__}", *(f"{name}=={version(name)}" for name in libraries)]


def _describe_metadata(model: OnnxModel) -> dict[str, Any]:
    trained = model.trained
    return {
        "dbx_dl_version": __version__,
        "sha256": model.file.sha256,
        "framework": trained.framework,
        "network": trained.network,
        "table": trained.prepared.table.name,
        "table_version": trained.prepared.table.version,
        "task": trained.prepared.target.task,
        "label_names": list(trained.prepared.target.label_names),
    }
