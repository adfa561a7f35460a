"""Explanations and cards of the demo's registered models through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dbx_dl.contracts import Dependences, ExplainedTable, Importances, ModelCard
from dbx_dl.runtime.tracking import open_client
from tests.e2e.conftest import CallCli, DemoRun, write_config

pytestmark = pytest.mark.timeout(1800)  # the first test waits for the demo


@pytest.mark.matrix
def test_a_table_is_explained_by_gradients_and_overall(demo: DemoRun, call_cli: CallCli, tmp_path: Path) -> None:
    config = write_config(demo.breast_cancer, tmp_path / "run.yml")
    arguments = ("--method", "integrated_gradients", "--set", "explain.importance.num_repeats=2", "--json")
    printed = call_cli("explain", "--config", str(config), *arguments, directory=demo.directory.parent)
    assert printed.returncode == 0, printed.stderr
    lines = [json.loads(line) for line in printed.stdout.splitlines()]
    explained, importances, dependences = (
        kind.model_validate(line) for kind, line in zip((ExplainedTable, Importances, Dependences), lines, strict=True)
    )
    assert (explained.num_rows, explained.num_errors, explained.method) == (50, 0, "integrated_gradients")
    assert explained.largest_gap is not None and explained.largest_gap < 0.5
    assert len(importances.features) == 31 and importances.value > 0.9
    assert [curve.feature for curve in dependences.curves] == [each.feature for each in importances.features[:6]]
    page = (Path(demo.breast_cancer.directory) / "explanations.html").read_text()
    assert "What matters overall" in page and importances.features[0].feature in printed.stdout
    assert call_cli("report", "--config", str(config), directory=demo.directory.parent).returncode == 0
    report = (Path(demo.breast_cancer.directory) / "report.html").read_text()
    assert "predicts what it does, by integrated gradients" in report and "12 of 50 explained rows" in report


def test_every_version_has_its_card(demo: DemoRun, call_cli: CallCli, tmp_path: Path) -> None:
    config = write_config(demo.digits, tmp_path / "run.yml")
    printed = call_cli("card", "--config", str(config), "--json", directory=demo.directory.parent)
    assert printed.returncode == 0, printed.stderr
    client, descriptions = open_client(demo.digits.tracking.uri), []
    for line in printed.stdout.splitlines():
        card = ModelCard.model_validate_json(line)
        version = client.get_model_version(card.name, str(card.version))
        assert version.tags["dbx_dl_card"] == card.artifact and card.artifact in version.description
        descriptions.append(version.description)
        assert len(client.list_artifacts(card.run_id, card.artifact)) == 2
        assert "| accuracy | 0." in Path(card.markdown).read_text()
    assert len(descriptions) == 2 and any("### Promotion" in text for text in descriptions)
