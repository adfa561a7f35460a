"""What a run without its parts of labelling is told, and where its inbox is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbx_dl.config import LabelConfig, QueueConfig, ResolveConfig, RunConfig, load_run_config
from dbx_dl.errors import ConfigError
from dbx_dl.labelling import find_inbox, prepares_resolved, pseudo_label_run, queue_run, resolve_run, withdraw_run

RUN = load_run_config(Path(__file__).parents[2] / "conf" / "runs" / "breast_cancer.yml")
NO_SPARK: Any = None


def with_label(**values: Any) -> RunConfig:
    return RUN.model_copy(update={"label": LabelConfig(table="t", task="classes", **values)})


def test_a_run_without_a_section_is_told_which() -> None:
    for step, missing in ((queue_run, "queue"), (pseudo_label_run, "pseudo"), (resolve_run, "resolve")):
        with pytest.raises(ConfigError, match="has no section label"):
            step(NO_SPARK, RUN)
        with pytest.raises(ConfigError, match=f"has no label.{missing}"):
            step(NO_SPARK, with_label())
    for how in ({}, {"label_ids": ["1"], "batch_id": "b"}):
        with pytest.raises(ConfigError, match="Give ids, or the batch"):
            withdraw_run(NO_SPARK, with_label(), annotator="ann", **how)


def test_the_inbox_is_below_the_run_unless_it_is_named() -> None:
    assert find_inbox(with_label()) == Path(RUN.directory).absolute() / "label_inbox"
    assert find_inbox(with_label(inbox="/there")) == Path("/there")


def test_prepare_waits_for_labels_that_its_own_run_resolves() -> None:
    run = with_label(resolve=ResolveConfig(table="r"), queue=QueueConfig(table="q"))
    assert not prepares_resolved(run) and not prepares_resolved(RUN)
    run = run.model_copy(update={"label": run.label.model_copy(update={"resolve": ResolveConfig(table="./t/r")})})  # type: ignore[union-attr]
    for table, expected in (("t/r", True), (str(Path("t/r").absolute()), True), ("t.r", False), ("r", False)):
        values = {**RUN.prepare.model_dump(), "labels": {"table": table}}
        assert (
            prepares_resolved(run.model_copy(update={"prepare": type(RUN.prepare).model_validate(values)})) is expected
        )
