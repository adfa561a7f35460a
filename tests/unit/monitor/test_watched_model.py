"""A model by path is the file that predictions were made with, or it is said that it is not."""

from __future__ import annotations

import pytest

from dbx_dl.monitor.watched_model import ModelChangedError, WatchedModel, require_same_file


@pytest.mark.parametrize(("version", "sha256"), [(None, "a" * 64), (3, "b" * 64), (None, None)])
def test_the_file_of_the_newest_predictions_is_taken(version: int | None, sha256: str | None) -> None:
    model = WatchedModel("m.onnx", "m.onnx", version, "a" * 64, None)
    assert require_same_file(model, sha256) is model


def test_another_file_at_that_path_is_refused() -> None:
    with pytest.raises(ModelChangedError, match=r"m\.onnx is not the file any more .* score with it first"):
        require_same_file(WatchedModel("m.onnx", "m.onnx", None, "a" * 64, None), "b" * 64)
