"""What a search shows: one row for every trial, and figures with the best metric so far."""

from __future__ import annotations

from dbx_dl import figures
from dbx_dl.contracts import SearchTrial
from dbx_dl.figures import encode_png

VALUES = [("complete", 0.5), ("pruned", 0.2), ("failed", None), ("complete", 0.4), ("complete", 0.7)]
TRIALS = [
    SearchTrial(number=n, state=state, values={}, value=value, num_epochs=1, seconds=1.0, directory="d")
    for n, (state, value) in enumerate(VALUES)  # type: ignore[misc]
]


def test_the_history_has_complete_and_pruned_trials_and_the_best_so_far() -> None:
    for direction, best in (("maximize", [0.5, 0.5, 0.7]), ("minimize", [0.5, 0.4, 0.4])):
        (axes,) = figures.search_history(TRIALS, "validation_accuracy", direction).axes
        lines = {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines}
        assert lines == {
            "complete": ([0, 3, 4], [0.5, 0.4, 0.7]),
            "pruned": ([1], [0.2]),
            "best so far": ([0, 3, 4], best),
        }


def test_the_most_important_setting_is_on_top() -> None:
    figure = figures.setting_importance({"a": 0.7, "b": 0.3}, dark=True)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a"]
    assert [bar.get_width() for bar in axes.patches] == [0.3, 0.7]
    assert encode_png(figure, dpi=30).startswith(b"\x89PNG")
