"""Draws the pictures of the tutorial from a run of it: python docs/draw_pictures.py FOLDER, in which it was typed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from dbx_dl.contracts import TrainedModel
from dbx_dl.figures import confusion_matrix, learning_curves
from dbx_dl.monitor.run_report.evidence import read_predictions

PICTURES = Path(__file__).parent / "pictures"


def draw_pictures(folder: Path) -> list[Path]:
    """Write the pictures of `<folder>/runs/digits` beside the pages; returns their paths."""
    run = folder / "runs" / "digits"
    trained = TrainedModel.load(run / "torch" / "trained.json")
    found = read_predictions(run / "torch")
    figures = {
        "learning_curves.png": learning_curves(trained.history, best_epoch=trained.best_epoch),
        "confusion_matrix.png": confusion_matrix(found.labels, found.predicted, trained.prepared.target.label_names),
    }
    PICTURES.mkdir(exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(PICTURES / name, dpi=96, facecolor="white")
    shutil.copy(run / "prepared.png", PICTURES / "prepared.png")
    return [*(PICTURES / name for name in figures), PICTURES / "prepared.png"]


if __name__ == "__main__":
    for path in draw_pictures(Path(sys.argv[1])):
        sys.stdout.write(f"{path}\n")
