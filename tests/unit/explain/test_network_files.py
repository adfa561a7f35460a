"""Which network is behind a file, and which networks have no gradients to explain by."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dbx_dl.contracts import PreparedTable
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.explain.choosing import choose_method
from dbx_dl.explain.network_files import find_network, require_gradients, require_layer
from dbx_dl.register.model_folder import write_model_folder
from dbx_dl.score.model.model_file import fetch_model
from tests.onnx_models import describe_onnx, write_linear_model
from tests.prepared_tables import write_feature_table
from tests.trained_networks import describe


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    return write_feature_table(tmp_path_factory.mktemp("table") / "t", {"train": 8, "test": 4})


def test_a_version_holds_its_network_and_says_when_it_was_changed(tmp_path: Path, prepared: PreparedTable) -> None:
    write_linear_model(tmp_path / "model.onnx", prepared.inputs)
    onnx = describe_onnx(prepared, tmp_path / "model.onnx")
    write_model_folder(onnx, tmp_path / "version")
    file = fetch_model(str(tmp_path / "version"))
    found = find_network(file)
    assert found.stored.network == "linear" and found.stored.model_sha256 == file.sha256
    assert (
        found.weights == tmp_path / "version" / "network" / "weights.bin" and found.weights.read_bytes() == b"weights"
    )
    found.weights.write_bytes(b"others")
    with pytest.raises(DataError, match="was changed since training"):
        find_network(file)
    found.stored.model_copy(update={"model_sha256": "0" * 64}).save(tmp_path / "version" / "network" / "network.json")
    with pytest.raises(DataError, match="is that of another file"):
        find_network(file)


def test_a_run_folder_holds_it_too_and_other_files_do_not(tmp_path: Path, prepared: PreparedTable) -> None:
    write_linear_model(tmp_path / "model.onnx", prepared.inputs)
    file = fetch_model(str(tmp_path / "model.onnx"))
    with pytest.raises(DataError, match=r"no trained network beside its ONNX file .*: use occlusion for images"):
        find_network(file)
    describe_onnx(prepared, tmp_path / "model.onnx").trained.save(tmp_path / "trained.json")
    assert find_network(file).weights == tmp_path / "weights.bin"
    describe_onnx(prepared, tmp_path / "model.onnx", run_id="another").trained.save(tmp_path / "trained.json")
    with pytest.raises(DataError, match="is that of another file"):
        find_network(file)


def test_a_version_without_its_weights_is_still_written(tmp_path: Path, prepared: PreparedTable) -> None:
    write_linear_model(tmp_path / "model.onnx", prepared.inputs)
    onnx = describe_onnx(prepared, tmp_path / "model.onnx")
    Path(onnx.trained.weights.path).unlink()
    write_model_folder(onnx, tmp_path / "version")
    assert not (tmp_path / "version" / "network").exists()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"network": "markov_chain"}, "is counted, not trained by gradients"),
        ({"network": "embedded_clusters"}, "puts rows into clusters"),
        ({"target": "boxes"}, "is for the tasks binary, multiclass, multilabel, regression, count"),
    ],
)
def test_networks_without_gradients_are_refused_with_what_works(
    tmp_path: Path, prepared: PreparedTable, changes: dict[str, str], problem: str
) -> None:
    from dbx_dl.frameworks.architectures.clusters import CLUSTERING_NETWORKS
    from dbx_dl.frameworks.rebuilding import describe_network

    write_linear_model(tmp_path / "model.onnx", prepared.inputs)
    stored = describe_network(describe_onnx(prepared, tmp_path / "model.onnx").trained, "")
    require_gradients(stored, "integrated_gradients", "m")
    if "target" in changes:
        stored = stored.model_copy(update={"target": stored.target.model_copy(update={"task": changes["target"]})})
    else:
        network = changes["network"]
        stored = stored.model_copy(
            update={"network": network if network == "markov_chain" else next(iter(CLUSTERING_NETWORKS))}
        )
    with pytest.raises(ConfigError, match=f"{problem}.*: use occlusion for images, shapley for columns"):
        require_gradients(stored, "integrated_gradients", "m")


def test_layers_of_built_in_networks_are_checked_before_any_job(tmp_path: Path, prepared: PreparedTable) -> None:
    stored = describe("images", "torch", tmp_path / "none")
    for layer in (None, "conv2d_1"):
        require_layer(stored, layer)
    with pytest.raises(ConfigError, match="'convnet' has no layer 'conv2d_9'; did you mean 'conv2d_"):
        require_layer(stored, "conv2d_9")
    with pytest.raises(ConfigError, match="'mlp' has no convolution, as Grad-CAM needs one"):
        require_layer(stored.model_copy(update={"network": "mlp", "network_options": {}}), None)


def test_a_function_that_only_the_model_names_is_not_called(tmp_path: Path, prepared: PreparedTable) -> None:
    own = "somewhere.networks:build"
    write_linear_model(tmp_path / "model.onnx", prepared.inputs)
    onnx = describe_onnx(prepared, tmp_path / "model.onnx")
    trained = onnx.trained.model_copy(update={"network": own})
    write_model_folder(onnx.model_copy(update={"trained": trained}), tmp_path / "version")
    trained.save(tmp_path / "trained.json")
    for place in ("version", "model.onnx"):
        scorer: Any = SimpleNamespace(model=fetch_model(str(tmp_path / place)))
        for named in (None, "somewhere.networks:other", "linear"):
            instead = "" if named is None else f", not {named!r}"
            told = f"names {own!r} as the function that builds its network{instead}: .* explain.own_network: {own} "
            with pytest.raises(ConfigError, match=re.escape(told).replace(r"\.\*", ".*")):
                choose_method(scorer, "integrated_gradients", own_network=named)
        method, found = choose_method(scorer, "integrated_gradients", own_network=own)
        assert found is not None and (method, found.stored.network) == ("integrated_gradients", own)
