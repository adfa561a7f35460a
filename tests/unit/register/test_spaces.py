"""Clusters in different spaces are compared by what has a meaning in all of them, or not at all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dbx_dl.config import GroupLimit, MetricLimit, RegisterConfig, TrackingConfig
from dbx_dl.contracts import ModelMetadata, Target
from dbx_dl.errors import ConfigError
from dbx_dl.register import promotion
from dbx_dl.register.spaces import check_spaces
from tests.onnx_models import make_metadata
from tests.prepared_tables import SPEC

TARGET = Target(task="clustering", column="label", num_clusters=3)
SILHOUETTE = "simplified_silhouette"


def models(*networks: str, **changes: Any) -> dict[int, ModelMetadata]:
    made = make_metadata(SPEC, ()).model_copy(update={"target": TARGET, **changes})
    return {version: made.model_copy(update={"network": name}) for version, name in enumerate(networks, start=1)}


def check(found: dict[int, ModelMetadata], metric: str, **options: Any) -> str:
    return check_spaces(found, metric, RegisterConfig(name="groups", **options))


@pytest.mark.parametrize("metric", ["inertia", "nll"])
@pytest.mark.parametrize("networks", [("deep_kmeans", "deep_kmeans"), ("kmeans", "deep_gaussian_mixture")])
def test_numbers_with_a_scale_are_not_compared_between_spaces(networks: tuple[str, ...], metric: str) -> None:
    with pytest.raises(ConfigError, match=rf"{metric} could not be compared: version 1 of {networks[0]}, version 2 of"):
        check(models(*networks), metric)
    with pytest.raises(ConfigError, match=f"{metric} could not be compared"):
        check(models(*networks), "adjusted_rand_index", limits={metric: MetricLimit(max_loss=0.1)})
    with pytest.raises(ConfigError, match=f"{metric} could not be compared"):
        group = GroupLimit(column="town", metric=metric, max_loss=0.1)
        check(models(*networks), "adjusted_rand_index", groups=(group,))
    # What is absolute compares nothing.
    assert not check(models(*networks), "adjusted_rand_index", limits={metric: MetricLimit(threshold=9)})


@pytest.mark.parametrize("metric", [SILHOUETTE, "inertia", "nll"])
def test_one_space_is_compared_by_everything(metric: str) -> None:
    assert not check(models("kmeans", "gaussian_mixture"), metric)
    assert not check(models("deep_kmeans"), metric)


def test_silhouettes_of_two_encoders_are_compared_and_it_is_said() -> None:
    assert "2 spaces, each version's in its own" in check(models("deep_kmeans", "deep_kmeans"), SILHOUETTE)
    with pytest.raises(ConfigError, match=f"{SILHOUETTE} could not be compared.*Compare by adjusted_rand_index"):
        check(models("kmeans", "deep_kmeans"), SILHOUETTE)


def test_rows_that_are_scaled_otherwise_are_another_space() -> None:
    first, second = SPEC.features[:2]
    other = SPEC.model_copy(update={"features": (second, first)})
    found = models("kmeans") | {2: models("kmeans", inputs=other)[1]}
    assert "2 spaces" in check(found, SILHOUETTE)
    with pytest.raises(ConfigError, match="inertia could not be compared"):
        check(found, "inertia")


def test_other_tasks_are_no_clusters() -> None:
    assert not check(models("mlp", "mlp", target=make_metadata(SPEC, ("a", "b")).target), "nll")


def test_a_promotion_looks_at_the_registered_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates of a run in both frameworks have two encoders; nothing is measured before that is seen."""
    opened = models("deep_kmeans", "deep_kmeans")
    file = SimpleNamespace(path="", sha256="")
    monkeypatch.setattr(promotion, "fetch_model", lambda name, uri: file)
    monkeypatch.setattr(
        promotion, "predict_rows", lambda spark, version, *rest: SimpleNamespace(version=version, file=file)
    )
    files = iter(opened.values())
    monkeypatch.setattr(promotion, "open_model", lambda *args: SimpleNamespace(metadata=next(files)))
    prepared = SimpleNamespace(target=TARGET)
    candidates: Any = [
        SimpleNamespace(version=version, onnx=SimpleNamespace(trained=SimpleNamespace(prepared=prepared)))
        for version in opened
    ]
    config = RegisterConfig(name="groups", metric="inertia")
    with pytest.raises(ConfigError, match="inertia could not be compared"):
        promotion._compare(None, candidates, None, config, TrackingConfig())  # type: ignore[arg-type]
