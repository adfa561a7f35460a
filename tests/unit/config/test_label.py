"""What a section of labels, and a prepare that reads labels, refuse."""

from __future__ import annotations

from typing import Any

import pytest

from dbx_dl.config import LabelConfig, PrepareAudioConfig, PrepareImagesConfig, PrepareTableConfig, QueueConfig
from dbx_dl.contracts import LabelTask
from dbx_dl.label.rules import LabelRules
from tests.label_events import make_event

IMAGES = {"table": "t", "height": 8, "width": 8, "labels": {"table": "l"}}
ROWS = {"table": "t", "source": "s", "key": "id", "label": "y", "labels": {"table": "l"}}


@pytest.mark.parametrize(
    ("task", "values", "message"),
    [
        ("classes", {"classes": ["a", "a"]}, "name one twice"),
        ("classes", {"classes": ["a "]}, "blanks around it"),
        ("boxes", {"resolve": {"table": "r", "method": "dawid_skene"}}, "boxes have `majority`"),
        ("label_sets", {"resolve": {"table": "r", "method": "dawid_skene"}}, "label_sets have `majority`"),
        ("boxes", {"pseudo": {}}, "`pseudo` is for one class an item"),
        ("polygons", {"queue": {"table": "q"}}, "predicted polygons have no probability"),
        ("classes", {"queue": {"table": "q", "budget": 9, "max_candidates": 8}}, "max_candidates, 8, is less"),
        ("classes", {"pseudo": {"precision": 1.0}}, "less than 1"),
        ("classes", {"resolve": {"table": "t"}}, r"`table` and `resolve.table` are both 't'"),
        ("classes", {"table": "a/t", "resolve": {"table": "./a/b/../t"}}, r"`table` and `resolve.table` are both"),
        (
            "classes",
            {"resolve": {"table": "q"}, "queue": {"table": "q"}},
            r"`queue.table` and `resolve.table` are both",
        ),
    ],
)
def test_what_does_not_fit_is_refused(task: LabelTask, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LabelConfig.model_validate({"table": "t", "task": task, **values})


def test_a_queue_says_what_it_goes_by() -> None:
    found = {name: QueueConfig(table="q", strategy=name).uncertainty for name in ("mix", "entropy", "diverse")}  # type: ignore[arg-type]
    assert found == {"mix": "margin", "entropy": "entropy", "diverse": None}


@pytest.mark.parametrize(
    "source",
    [
        "folder",
        {"format": "manifest", "path": "p"},
        {"format": "table", "table": "t"},
        {"format": "idx", "pairs": [{"images": "i", "labels": "l"}]},
        {"format": "coco", "annotations": "a", "root": "r"},
    ],
)
def test_labels_come_from_one_place(source: Any) -> None:
    with pytest.raises(ValueError, match=r"has labels too: set its `label: none`"):
        PrepareImagesConfig.model_validate({**IMAGES, "source": source})


def test_sources_without_labels_take_others() -> None:
    for source in ({"path": "f", "label": "none"}, {"format": "table", "table": "t", "label_column": None}):
        PrepareImagesConfig.model_validate({**IMAGES, "source": source})
    assert PrepareTableConfig.model_validate(ROWS).labels is not None
    with pytest.raises(ValueError, match="leave out `label_suffix`"):
        PrepareTableConfig.model_validate({**ROWS, "label_suffix": "."})
    shapes = {"table": "l", "shapes": "boxes"}
    with pytest.raises(ValueError, match=r"`labels.shapes` are of images"):
        PrepareTableConfig.model_validate({**ROWS, "labels": shapes})
    with pytest.raises(ValueError, match=r"`labels.shapes` are of images"):
        source = {"path": "f", "label": "none"}
        PrepareAudioConfig.model_validate({"table": "t", "source": source, "seconds": 1, "labels": shapes})
    with pytest.raises(ValueError, match=r"no whole cells of 5x5: change the size or labels.cell"):
        labels = {**shapes, "cell": 5}
        PrepareImagesConfig.model_validate({**IMAGES, "source": {"path": "f", "label": "none"}, "labels": labels})


def test_rules_say_why_an_event_is_refused() -> None:
    rules = LabelRules.of(LabelConfig(table="t", task="classes", classes=("cat", "dog")))
    assert rules.find_problem(make_event("1")) is None
    assert "did you mean 'dog'?" in str(rules.find_problem(make_event("1", label="dgo")))
    assert "the task is label_sets" in str(rules.find_problem(make_event("1", task="label_sets", labels=("cat",))))
    assert LabelRules().find_problem(make_event("1", label="anything")) is None
