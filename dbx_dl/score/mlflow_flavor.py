"""The loader of our python_function flavour: MLflow calls `_load_pyfunc` with the path of the ONNX file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import ImageSpec
from dbx_dl.errors import DataError
from dbx_dl.score.inputs.binding import count_batch_rows, input_columns
from dbx_dl.score.model.own_models import PIXELS_NAME
from dbx_dl.score.model.session import ModelSession, open_model
from dbx_dl.score.outputs.structs import to_structs
from dbx_dl.score.predictions import predict_structs
from dbx_dl.score.worker import to_pandas

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from dbx_dl.contracts import InputSpec


class OnnxPredictor:
    """What `mlflow.pyfunc.load_model` wraps; it loads no pickle."""

    def __init__(self, session: ModelSession) -> None:
        self.session = session

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The fields of `structs.prediction_fields` as columns (arrays of float32), one row per input row.

        Takes a DataFrame with the model's raw columns, or a dict of such columns; for images also uint8 pixels
        (N, H, W, C). DataError when columns are absent or have other types; a row that cannot be scored has nulls and
        an `error`.
        """
        import pyarrow as pa

        del params  # part of MLflow's interface
        inputs = self.session.metadata.inputs
        if isinstance(inputs, ImageSpec) and _is_array(model_input):
            return _show_nulls(_predict_pixels(self.session, _check_pixels(model_input, inputs)))
        parts = list(predict_structs(self.session, _to_batch(model_input, inputs)))
        index = getattr(model_input, "index", None)
        if not parts:
            return _show_nulls(to_pandas(_no_rows(self.session)))
        frame = _show_nulls(to_pandas(pa.concat_arrays(parts)))
        return frame if index is None else frame.set_axis(index, axis=0)


def _load_pyfunc(path: str) -> OnnxPredictor:
    """Called by MLflow; `path` is the ONNX file of the model's folder."""
    return OnnxPredictor(open_model(path))


def _show_nulls(frame: pd.DataFrame) -> pd.DataFrame:
    """Nulls as None: a served NaN would be no JSON. Texts are objects then, numbers where one of them is null."""
    text = [name for name in frame.columns if frame[name].dtype.kind not in "fi" or frame[name].isna().any()]
    return frame.assign(**{name: frame[name].astype(object).where(frame[name].notna(), None) for name in text})


def _is_array(model_input: Any) -> bool:
    import numpy as np

    if isinstance(model_input, dict) and list(model_input) == [PIXELS_NAME]:
        return True
    return isinstance(model_input, np.ndarray)


def _check_pixels(model_input: Any, spec: ImageSpec) -> np.ndarray:
    import numpy as np

    pixels: np.ndarray = np.asarray(model_input[PIXELS_NAME] if isinstance(model_input, dict) else model_input)
    shape = (spec.height, spec.width, spec.channels)
    if pixels.dtype != np.uint8 or pixels.shape[1:] != shape:
        raise DataError(f"pixels must be uint8 (N, {', '.join(map(str, shape))}), got {pixels.dtype} {pixels.shape}")
    return pixels


def _predict_pixels(session: ModelSession, pixels_nhwc: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    num_rows = count_batch_rows(session.metadata.inputs)
    starts = range(0, len(pixels_nhwc), num_rows)
    parts = [session.predict_all({PIXELS_NAME: pixels_nhwc[start : start + num_rows]}) for start in starts]
    frames = [to_pandas(to_structs(outputs, {}, session.metadata)) for outputs in parts]
    return pd.concat(frames, ignore_index=True) if frames else to_pandas(_no_rows(session))


def _to_batch(model_input: Any, inputs: InputSpec) -> pa.RecordBatch:
    """The model's raw columns; whatever else a DataFrame has stays behind."""
    import pandas as pd
    import pyarrow as pa

    frame = pd.DataFrame(model_input)
    names = list(input_columns(inputs))
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise DataError(f"the model takes the columns {', '.join(names)}; missing are {', '.join(missing)}")
    return pa.RecordBatch.from_pandas(frame[names].reset_index(drop=True), preserve_index=False)


def _no_rows(session: ModelSession) -> pa.StructArray:
    return to_structs(session.empty_outputs(0), {}, session.metadata)
