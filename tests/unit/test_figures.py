"""Figures show what they were given, and leave no global state."""

import io
import sys

import numpy as np
from PIL import Image

from dbx_dl.contracts import EpochMetrics
from dbx_dl.figures import (
    class_samples,
    cluster_map,
    confusion_matrix,
    encode_png,
    estimates,
    hit_rates,
    learning_curves,
    sample_predictions,
    setting_importance,
)

HISTORY = [
    EpochMetrics(
        epoch=number,
        metrics={"train_loss": 1.0 / number, "validation_loss": 2.0 / number, "validation_accuracy": 0.5, "lr": 0.1},
        seconds=1.0,
        rows_per_second=10.0,
    )
    for number in (1, 2, 3)
]


def test_curves_have_a_panel_per_metric_and_a_line_per_split() -> None:
    figure = learning_curves(HISTORY)
    loss, accuracy = figure.axes
    assert loss.get_title(loc="left") == "loss"
    assert {line.get_label(): list(line.get_ydata()) for line in loss.get_lines()} == {
        "train": [1.0, 0.5, 1.0 / 3],
        "validation": [2.0, 1.0, 2.0 / 3],
    }
    assert accuracy.get_title(loc="left") == "accuracy"
    assert list(accuracy.get_lines()[0].get_xdata()) == [1, 2, 3]


def test_log_loss_of_evaluation_joins_the_loss() -> None:
    metrics = {"train_loss": 1.0, "validation_log_loss": 2.0, "validation_accuracy": 0.5}
    history = [EpochMetrics(epoch=1, metrics=metrics, seconds=1.0, rows_per_second=1.0)]
    loss, accuracy = learning_curves(history).axes
    assert {line.get_label(): list(line.get_ydata()) for line in loss.get_lines()} == {
        "train": [1.0],
        "validation": [2.0],
    }
    assert accuracy.get_title(loc="left") == "accuracy"


def test_curves_mark_the_best_epoch() -> None:
    lines = learning_curves(HISTORY, best_epoch=2).axes[0].get_lines()
    assert list(lines[-1].get_xdata()) == [2, 2]


def test_curves_of_no_epoch_are_an_empty_figure() -> None:
    assert learning_curves([]).axes == []
    assert encode_png(learning_curves([]))


def test_estimates_show_every_row_and_its_interval() -> None:
    labels, points = np.array([1.0, 2.0]), np.array([1.5, 3.0])
    axes = estimates(labels, points, (points - 1, points + 1)).axes[0]
    rows, diagonal = axes.get_lines()
    assert list(rows.get_xdata()) == [1.5, 3.0] and list(rows.get_ydata()) == [1.0, 2.0]
    assert list(diagonal.get_ydata()) == [1.5, 3.0]
    assert [segment[:, 1].tolist() for segment in axes.collections[0].get_segments()] == [[0.5, 2.5], [2.0, 4.0]]
    assert encode_png(estimates(labels[:0], points[:0]))


def test_hit_rates_have_a_line_for_each_list() -> None:
    (axes,) = hit_rates({"network": [0.5, 0.75], "most chosen items": [0.25, 0.25]}).axes
    found = {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.get_lines()}
    assert found == {"network": ([1, 2], [0.5, 0.75]), "most chosen items": ([1, 2], [0.25, 0.25])}


def test_confusion_matrix_writes_every_count_at_its_place() -> None:
    labels, predicted = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 2, 0])
    axes = confusion_matrix(labels, predicted, ("a", "b", "c")).axes[0]
    cells = {(int(text.get_position()[1]), int(text.get_position()[0])): text.get_text() for text in axes.texts}
    assert cells == {(0, 0): "1", (0, 1): "1", (1, 1): "1", (2, 2): "2", (2, 0): "1"}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]


def test_confusion_matrix_of_many_classes_stays_readable() -> None:
    labels = np.arange(200)
    axes = confusion_matrix(labels, labels, [f"class {number}" for number in labels]).axes[0]
    assert len(axes.texts) == 0


def test_samples_tell_wrong_from_right() -> None:
    images = [np.zeros((4, 4, 1), np.uint8), np.zeros((4, 4, 3), np.uint8)]
    figure = sample_predictions(images, ["3", "5"], [("3", 0.987), ("8", 0.5)])
    right, wrong = (axes.title for axes in figure.axes)
    assert right.get_text() == "3  0.99"
    assert wrong.get_text() == "5 → 8  0.50"
    assert right.get_color() != wrong.get_color()


def test_every_cluster_has_a_colour_and_its_number_amid_its_rows() -> None:
    points, clusters = np.array([[0.0, 0.0], [2.0, 0.0], [9.0, 9.0]]), np.array([1, 1, 12])
    (axes,) = cluster_map(points, clusters, 0.5).axes
    assert [(text.get_text(), text.get_position()) for text in axes.texts] == [("1", (1.0, 0.0)), ("12", (9.0, 9.0))]
    assert len({line.get_color() for line in axes.lines}) == 2
    assert "50%" in axes.get_title(loc="left")


def test_png_is_transparent() -> None:
    image = Image.open(io.BytesIO(encode_png(learning_curves(HISTORY, dark=True))))
    assert image.format == "PNG"
    assert image.getchannel("A").getextrema()[0] == 0


def test_pyplot_is_not_used() -> None:
    assert "pyplot" not in str(sys.modules["dbx_dl.figures"].__dict__.keys())
    before = "matplotlib.pyplot" in sys.modules
    encode_png(sample_predictions([], [], []))
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_samples_have_a_row_per_class_and_name_the_rejects() -> None:
    grey, colour = np.full((4, 10, 1), 9, np.uint8), np.full((4, 10, 3), 200, np.uint8)
    figure = class_samples({"cat": [grey, grey], "dog": [colour], "none": []}, [("a/b.png", "truncated")])
    cat, dog, rejects = figure.axes
    assert [axes.get_ylabel() for axes in (cat, dog)] == ["cat", "dog"]
    strip = cat.get_images()[0].get_array()
    assert strip.shape == (4, 21, 4)
    np.testing.assert_array_equal(strip[0, :, 3], [255] * 10 + [0] + [255] * 10)
    assert dog.get_images()[0].get_array()[0, 11:, 3].max() == 0
    assert rejects.texts[0].get_text() == "rejected\ntruncated:  a/b.png"
    assert Image.open(io.BytesIO(encode_png(figure))).format == "PNG"


def test_names_with_dollar_signs_are_no_formulas() -> None:
    odd = r"$\frac$ a$b_$"
    image = np.zeros((4, 4, 1), np.uint8)
    for figure in (
        confusion_matrix(np.array([0, 1]), np.array([0, 1]), (odd, "x")),
        sample_predictions([image], [odd], [("other", 0.5)]),
        class_samples({odd: [image]}, [(odd, odd)]),
        setting_importance({odd: 1.0}),
    ):
        assert encode_png(figure).startswith(b"\x89PNG")
