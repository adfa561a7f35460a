"""What a look found, and of which model."""

from __future__ import annotations

from dbx_dl.contracts import Finding, Monitored, TableVersion


def test_a_version_has_its_own_findings_alone() -> None:
    common = {"window": "May", "area": "quality", "metric": "error_rate", "num_rows": 90, "value": 0.1}
    parts = ("", "version 2", "version 3", "group version 2")
    monitored = Monitored(
        source=TableVersion(name="/t", path="/t", version=1),
        windows=(),
        findings=tuple(Finding.model_validate({**common, "part": part}) for part in parts),
        should_retrain=False,
        model_version=3,
        model_sha256="a",
    )
    assert [each.part for each in monitored.list_of_model(3, "a")] == ["", "version 3", "group version 2"]
    assert monitored.list_of_model(2, "a") == monitored.list_of_model(3, "b") == ()
    earlier = monitored.model_copy(update={"model_version": None, "model_sha256": None})
    assert earlier.list_of_model(3, "a") == ()
