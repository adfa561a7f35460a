"""The demo: writes two small real data sets with real defects, and takes both the whole way with both frameworks."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.config import (
    ExplainConfig,
    OptimizerConfig,
    PrepareImagesConfig,
    PrepareTableConfig,
    RegisterConfig,
    RunConfig,
    ScoreConfig,
    TrackingConfig,
    TrainConfig,
)
from dbx_dl.demo.dates import write_dates
from dbx_dl.demo.digit_words import draw_digit_words
from dbx_dl.demo.purchases import HEADER as PURCHASE_HEADER
from dbx_dl.demo.purchases import write_purchases
from dbx_dl.demo.reviews import write_reviews
from dbx_dl.demo.visits import write_visits
from dbx_dl.demo.vowels import write_vowels
from dbx_dl.runtime.whole_files import write_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.monitor.run_report.outcome import RunOutcome

logger = logging.getLogger(__name__)

DEFAULT_DIRECTORY = "dbx_dl_demo"
SIZE_CLASSES = ("small", "medium", "large", "very_large")
COLUMNS_WITH_GAPS = ("mean_texture", "mean_smoothness", "worst_concavity", "size_class")
GAP_TOKENS = ("", "?")
NUM_UNLABELED_ROWS = 3


def run_demo(directory: str | os.PathLike[str] = DEFAULT_DIRECTORY, *, quick: bool = False) -> list[RunOutcome]:
    """Write the demo's data, run both runs in one Spark session and write `<directory>/report.html`."""
    from dbx_dl.monitor.run_report.page import write_report
    from dbx_dl.pipeline import run_pipeline
    from dbx_dl.runtime.spark import open_session

    write_demo_data(directory)
    runs = [digits_run(directory, quick=quick), breast_cancer_run(directory, quick=quick)]
    spark = open_session(runs[0].spark, app_name="dbx_dl demo")
    outcomes = [run_pipeline(spark, run) for run in runs]
    write_report(spark, outcomes, Path(directory) / "report.html", title="dbx_dl demo")
    return outcomes


def write_demo_data(directory: str | os.PathLike[str] = DEFAULT_DIRECTORY, *, seed: int = 0) -> Path:
    """Write digits and the data of the runs in `conf/runs` that need no other into `<directory>/data`."""
    data = Path(directory) / "data"
    logger.info(
        "Writing images of digits, tables of cases and patients, texts, visits, purchases and vowels to %s", data
    )
    _write_digits(data / "digits")
    _write_breast_cancer(data / "breast_cancer.csv", seed)
    _write_diabetes(data / "diabetes.csv")
    _write_csv(data / "reviews.csv", ("id", "review", "sentiment"), write_reviews(seed=seed))
    _write_digit_words(data, seed)
    _write_csv(data / "dates.csv", ("id", "written", "iso"), write_dates(seed=seed))
    lines = "".join(f"{json.dumps(visit)}\n" for visit in write_visits(seed=seed))
    _write_bytes(data / "visits.json", lines.encode())
    _write_csv(data / "purchases.csv", PURCHASE_HEADER, write_purchases(seed=seed))
    for name, recording in write_vowels(seed=seed).items():
        _write_bytes(data / "vowels" / name, recording)
    return data


def digits_run(directory: str | os.PathLike[str] = DEFAULT_DIRECTORY, *, quick: bool = False) -> RunConfig:
    """Handwritten digits: grey images of 8x8 pixels in ten class folders, a small convolutional network."""
    place = Path(directory)
    source, table = f"{place / 'data' / 'digits'}", place / "tables"
    return RunConfig(
        name="digits",
        directory=str(place / "runs" / "digits"),
        frameworks=("keras", "torch"),
        tracking=_tracking(place),
        prepare=PrepareImagesConfig(source=source, table=str(table / "digits"), height=8, width=8, channels=1),
        train=TrainConfig(
            network="convnet",
            num_ranks=2,
            batch_size=16,
            num_epochs=6 if quick else 25,
            optimizer=OptimizerConfig(learning_rate=0.003, warmup_epochs=1, decay="cosine"),
        ),
        registry=RegisterConfig(name="digits", metric="accuracy", threshold=0.8 if quick else 0.97),
        score=ScoreConfig(
            source=source, source_format="images", model="models:/digits@champion", table=str(table / "digits_scores")
        ),
        explain=ExplainConfig(table=str(table / "digits_explained"), max_rows=100),
    )


def breast_cancer_run(directory: str | os.PathLike[str] = DEFAULT_DIRECTORY, *, quick: bool = False) -> RunConfig:
    """Breast cancer: thirty measured columns and a categorical one, with gaps, a multilayer perceptron."""
    place = Path(directory)
    source, table = f"{place / 'data' / 'breast_cancer.csv'}", place / "tables"
    return RunConfig(
        name="breast_cancer",
        directory=str(place / "runs" / "breast_cancer"),
        frameworks=("keras", "torch"),
        tracking=_tracking(place),
        prepare=PrepareTableConfig(source=source, table=str(table / "breast_cancer"), key="id", label="diagnosis"),
        train=TrainConfig(
            network="mlp",
            num_ranks=2,
            batch_size=16,
            num_epochs=8 if quick else 30,
            optimizer=OptimizerConfig(learning_rate=0.001, decay="cosine"),
            early_stopping_epochs=10,
        ),
        registry=RegisterConfig(name="breast_cancer", metric="auc", threshold=0.9 if quick else 0.98),
        score=ScoreConfig(
            source=source,
            source_format="csv",
            key="id",
            model="models:/breast_cancer@champion",
            table=str(table / "breast_cancer_scores"),
        ),
        explain=ExplainConfig(table=str(table / "breast_cancer_explained"), max_rows=50),
    )


def _tracking(place: Path) -> TrackingConfig:
    return TrackingConfig(
        uri=f"sqlite:///{place / 'mlflow.db'}", experiment="dbx_dl_demo", artifacts=str(place / "mlartifacts")
    )


def _write_digits(folder: Path) -> None:
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels_nhw = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    for number, (pixels_hw, label) in enumerate(zip(pixels_nhw, digits.target, strict=True)):
        _write_bytes(folder / str(label) / f"{number:04d}.png", _encode_png(pixels_hw))
    whole = _encode_png(pixels_nhw[0])
    _write_bytes(folder / "0" / "truncated.png", whole[: len(whole) // 2])
    _write_bytes(folder / "3" / "text.png", b"This is a note that somebody named .png\n")
    _write_bytes(folder / "5" / "empty.png", b"")
    _write_bytes(folder / "7" / "one_pixel.png", _encode_png(pixels_nhw[0, :1, :1]))


def _write_digit_words(data: Path, seed: int) -> None:
    rows = []
    for path, pixels_hw, words, split in draw_digit_words(seed=seed):
        _write_bytes(data / "digit_words" / path, _encode_png(pixels_hw))
        rows.append((path, words, split))
    _write_csv(data / "digit_words.csv", ("path", "words", "split"), rows)


def _encode_png(pixels_hw: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels_hw).save(buffer, format="PNG")
    return buffer.getvalue()


def _write_bytes(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_breast_cancer(path: Path, seed: int) -> None:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    names = [str(name).replace(" ", "_") for name in data.feature_names]
    columns: dict[str, list[str]] = {"id": [f"case-{number:04d}" for number in range(len(data.data))]}
    columns |= {name: [repr(float(value)) for value in data.data[:, i]] for i, name in enumerate(names)}
    columns["size_class"] = _size_classes(data.data[:, names.index("mean_radius")])
    columns["diagnosis"] = [str(data.target_names[index]) for index in data.target]
    _make_gaps(columns, seed)
    _write_csv(path, list(columns), list(zip(*columns.values(), strict=True)))


def _write_diabetes(path: Path) -> None:
    from sklearn.datasets import load_diabetes

    data = load_diabetes(scaled=False)
    rows = [
        (f"patient-{number:03d}", *(repr(float(value)) for value in (*row, label)))
        for number, (row, label) in enumerate(zip(data.data, data.target, strict=True))
    ]
    _write_csv(path, ("patient", *map(str, data.feature_names), "progression"), rows)


def _size_classes(radius: Any) -> list[str]:
    import numpy as np

    quartiles = np.quantile(radius, [0.25, 0.5, 0.75])
    return [SIZE_CLASSES[index] for index in np.searchsorted(quartiles, radius)]


def _make_gaps(columns: dict[str, list[str]], seed: int) -> None:
    """Replace 3 % of the cells of some columns by the tokens that people write for nothing, and lose a few labels."""
    import numpy as np

    random = np.random.default_rng(seed)
    num_rows = len(columns["id"])
    for name in COLUMNS_WITH_GAPS:
        for position, row in enumerate(random.choice(num_rows, size=round(0.03 * num_rows), replace=False)):
            columns[name][row] = GAP_TOKENS[position % len(GAP_TOKENS)]
    for row in random.choice(num_rows, size=NUM_UNLABELED_ROWS, replace=False):
        columns["diagnosis"][row] = ""


def _write_csv(path: Path, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with write_whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
