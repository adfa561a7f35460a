"""Image models of others: layouts, scaling and sizes from the file's shape or the options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.config.score_options import ScoreOptions
from dbx_dl.contracts import ImageSpec
from dbx_dl.errors import ConfigError
from dbx_dl.score.image_binding import decode_rows
from dbx_dl.score.planning import plan_model
from dbx_dl.score.predictions import predict_batches, predict_structs
from dbx_dl.score.session import ModelSession, open_session
from tests import foreign_models as foreign
from tests.foreign_models import FLOAT, UINT8
from tests.image_bytes import encode_image
from tests.onnx_models import write_linear_model
from tests.prepared_tables import IMAGES, draw_image, encode_png


def open_with(path: str, **image: Any) -> ModelSession:
    session = open_session(path)
    return session.with_plan(plan_model(session, ScoreOptions.model_validate({"image": image})))


def to_batch(contents: list[Any], name: str = "content") -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(contents, pa.binary())], [name])
