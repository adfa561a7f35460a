"""A real MLflow server over HTTP with a database, and models served by MLflow's own scoring server."""

import base64
import json
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from dbx_dl import copy_model, promote_model, register_model, rollback_model
from dbx_dl.config import RegisterConfig, TrackingConfig
from dbx_dl.contracts import PreparedTable, RegisteredModel
from dbx_dl.errors import ConfigError, RegistryError
from dbx_dl.register.card.card import CARD_HEADING, CARD_TAG, describe_card
from dbx_dl.register.copying import verify_copy
from dbx_dl.register.listing import list_models
from dbx_dl.runtime.tracking import ensure_experiment, open_client
from dbx_dl.score.model.model_file import fetch_model
from tests.mlflow_databases import open_tracking
from tests.mlflow_servers import explain_no_serving, find_port, serve_model, serve_registry
from tests.onnx_models import make_weights
from tests.prepared_tables import IMAGES, SPEC, draw_image, encode_png, write_feature_table, write_image_table
from tests.registered_models import GOOD, make_onnx, register


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackingConfig]:
    with serve_registry(tmp_path_factory.mktemp("server")) as uri:
        yield TrackingConfig(uri=uri, experiment="tests")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    return write_feature_table(tmp_path_factory.mktemp("data") / "table", {"train": 4, "test": 60})


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory, prepared: PreparedTable, tracking: TrackingConfig
) -> list[RegisteredModel]:
    """Versions 1, poor, and 2, perfect, of the table model `rows`."""
    folder = tmp_path_factory.mktemp("pair")
    poor = register(folder / "poor", prepared, tracking, "rows", make_weights(SPEC, 2, seed=3))
    return [poor, register(folder / "good", prepared, tracking, "rows", GOOD)]


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, pair: list[RegisteredModel], tracking: TrackingConfig
) -> Iterator[tuple[str, str]]:
    """Addresses of the table model and of an image model, whose class 1 is bright in its upper half."""
    if reason := explain_no_serving():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("served")
    images = write_image_table(folder / "images", {"train": 4, "test": 4})
    upper = np.repeat([1, -1], IMAGES.height * IMAGES.width // 2)
    weights = np.stack([-upper, upper], axis=1).astype(np.float32)
    pictures = register(folder / "pictures", images, tracking, "pictures", weights)
    with ExitStack() as stack:
        yield tuple(
            stack.enter_context(serve_model(model.uri, tracking.uri, folder / model.name))
            for model in (pair[1], pictures)
        )


def ask(uri: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    request = urllib.request.Request(
        f"{uri}/invocations", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return list(json.loads(answer.read(), parse_constant=pytest.fail)["predictions"])  # NaN is no JSON


def test_the_whole_life_of_a_model_goes_over_http(
    spark: SparkSession, tmp_path: Path, pair: list[RegisteredModel], tracking: TrackingConfig
) -> None:
    config = RegisterConfig(name="rows", threshold=0.9, ledger=str(tmp_path / "ledger"))
    with pytest.raises(ConfigError, match=r"set registry\.ledger"):
        promote_model(spark, pair, RegisterConfig(name="rows"), tracking=tracking)
    assert promote_model(spark, pair[:1], config, tracking=tracking).champion_version is None
    low = config.model_copy(update={"threshold": None})
    assert promote_model(spark, pair[:1], low, tracking=tracking).champion_version == 1
    found = promote_model(spark, pair[1:], config, tracking=tracking)
    assert (found.champion_version, found.previous_version) == (2, 1)
    newest, oldest = list_models(tracking.uri, "rows")
    assert (newest.version, newest.aliases, oldest.aliases) == (2, ("challenger", "champion"), ())
    assert newest.table == pair[1].onnx.trained.prepared.table.name and newest.decision == found.reason
    assert newest.metrics == {"accuracy": 0.75} and newest.sha256 == pair[1].onnx.file.sha256
    back = rollback_model(spark, "rows", tracking=tracking, ledger=config.ledger)
    assert back.champion_version == 1 and list_models(tracking.uri, "rows")[1].aliases == ("champion",)


def test_registering_the_same_file_again_finds_it(pair: list[RegisteredModel], tracking: TrackingConfig) -> None:
    client = open_client(tracking.uri)
    again = register_model(pair[0].onnx, RegisterConfig(name="rows"), tracking=tracking)
    assert again == pair[0] and len(list_models(tracking.uri, "rows")) == 2
    other = register_model(pair[0].onnx, RegisterConfig(name="elsewhere"), tracking=tracking)
    assert other.version == 1
    run = client.get_run(pair[0].onnx.trained.run_id)
    assert len(run.outputs.model_outputs) == 1  # the files were uploaded once
    register_model(pair[1].onnx, RegisterConfig(name="rows"), tracking=tracking)
    assert client.get_model_version_by_alias("rows", "challenger").version in (2, "2")


def test_a_copy_in_another_registry_lives_on_its_own(
    tmp_path: Path, pair: list[RegisteredModel], tracking: TrackingConfig
) -> None:
    prod, client = open_tracking(tmp_path / "prod"), open_client(tracking.uri)
    described = client.get_model_version("rows", "2").description or ""
    client.update_model_version("rows", "2", description=describe_card(described, "model_cards/rows-2"))
    client.set_model_version_tag("rows", "2", CARD_TAG, "model_cards/rows-2")
    uri = copy_model("models:/rows/2", "prod.vision.rows", tracking=tracking, target_tracking=prod)
    assert uri == "models:/prod.vision.rows/1"
    copied = fetch_model("models:/prod.vision.rows@challenger", prod.uri)
    assert copied.sha256 == pair[1].onnx.file.sha256 and copied.path.is_relative_to(tmp_path)
    (listed,) = list_models(prod.uri)
    assert listed.metrics == {"accuracy": 0.75} and listed.aliases == ("challenger",) and not listed.decision
    version = open_client(prod.uri).get_model_version("prod.vision.rows", "1")
    assert version.tags["dbx_dl_copied_from"] == "rows/2"
    # Its card is an artifact of a run in the other store.
    assert CARD_TAG not in version.tags and CARD_HEADING not in (version.description or "")
    run = open_client(prod.uri).get_run(version.run_id)
    assert run.data.tags["dbx_dl_copied_from_run"] == pair[1].onnx.trained.run_id and run.info.status == "FINISHED"
    with pytest.raises(RegistryError, match=r"version 1 has other bytes in model\.onnx: copy it again"):
        verify_copy(open_client(prod.uri), "prod.vision.rows", 1, {"model.onnx": "0" * 64}, prod.uri)
    assert list_models(prod.uri) == ()  # a version that is not the same is taken away again
    within = copy_model("models:/rows/2", "rows_prod", tracking=tracking)
    assert open_client(tracking.uri).get_model_version("rows_prod", "1").run_id == pair[1].onnx.trained.run_id
    assert fetch_model(within, tracking.uri).sha256 == pair[1].onnx.file.sha256


def test_mlflow_serves_a_table_model(served: tuple[str, str]) -> None:
    rows = {"columns": ["x", "y", "colour"], "data": [[1.0, 2.0, "red"], [-1.0, -2.0, None], [None, 1.0, "blue"]]}
    found = ask(served[0], {"dataframe_split": rows})
    assert [row["label"] for row in found] == ["up", "down", "up"]
    assert np.allclose([sum(row["probabilities"]) for row in found], 1) and found[0]["error"] is None


def test_mlflow_serves_an_image_model(served: tuple[str, str]) -> None:
    """Bytes travel as base64; broken ones cost their own row only."""
    pictures = [encode_png(draw_image(row, row % 2)) for row in range(2)]
    rows = [{"content": base64.b64encode(content).decode()} for content in [*pictures, b"no image"]]
    found = ask(served[1], {"dataframe_records": rows})
    assert [row["label"] for row in found] == ["dark", "bright", None]
    assert found[2]["error"].startswith("not_an_image") and found[2]["probability"] is None


@pytest.mark.timeout(60)  # MLflow's own patience is minutes
def test_a_server_that_is_away_is_told_at_once_and_the_run_stays(
    tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig
) -> None:
    model = make_onnx(tmp_path, prepared, tracking, GOOD)
    away = TrackingConfig(uri=f"http://127.0.0.1:{find_port()}")
    with pytest.raises(RegistryError, match=rf"cannot reach MLflow at {away.uri}") as failure:
        register_model(model, RegisterConfig(name="late"), tracking=away)
    assert "\n" not in str(failure.value)
    with pytest.raises(RegistryError, match=r"cannot reach MLflow at postgresql://\*\*\*@127.0.0.1"):
        open_client(f"postgresql://me:secret@127.0.0.1:{find_port()}/mlflow")
    assert register_model(model, RegisterConfig(name="late"), tracking=tracking).version == 1
    client = open_client(tracking.uri)
    assert client.get_run(model.trained.run_id).info.experiment_id == ensure_experiment(client, tracking)
