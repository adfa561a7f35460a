"""Rows in the form of the Adult Census files, with a known chance of a high income, and the two files of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = (
    "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship", "race",
    "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income",
)  # fmt: skip
_EDUCATION = ("HS-grad", "Some-college", "Bachelors", "Masters", "11th")
_YEARS = (9, 10, 13, 14, 7)
_OCCUPATIONS = ("Exec-managerial", "Craft-repair", "Other-service", "?")
_LABELS = ("<=50K", ">50K")


@dataclass(frozen=True)
class AdultRows:
    """Rows of text, their labels (N,) as 0 and 1, and the true chance (N,) of a 1."""

    cells: list[list[str]]
    labels: NDArray[np.int64]
    chances: NDArray[np.float64]

    @property
    def best_accuracy(self) -> float:
        """What always choosing the likelier label reaches on average: nothing can do better in the long run."""
        return float(np.maximum(self.chances, 1 - self.chances).mean())

    @property
    def majority_accuracy(self) -> float:
        """What always saying `<=50K` reaches."""
        return float(1 - self.labels.mean())


def draw_rows(num_rows: int, seed: int = 0) -> AdultRows:
    """Rows whose income hangs on age, education, marriage, hours, occupation and sex by a logistic function."""
    random = np.random.default_rng(seed)
    age, hours = random.integers(17, 80, num_rows), random.integers(10, 70, num_rows)
    education = random.integers(0, len(_EDUCATION), num_rows)
    occupation = random.integers(0, len(_OCCUPATIONS), num_rows)
    is_married, is_male = random.random(num_rows) < 0.5, random.random(num_rows) < 0.67
    gain = np.where(random.random(num_rows) < 0.08, random.integers(1000, 20000, num_rows), 0)
    years = np.array(_YEARS)[education]
    z = -4.4 + 0.9 * (years - 10) + 2.6 * is_married + 0.06 * (hours - 40) + 0.9 * is_male
    z = 1.3 * (z + np.array([1.5, 0.0, -2.0, 0.0])[occupation] - 0.002 * (age - 48.0) ** 2 + 3.0 * (gain > 7000))
    chances = 1 / (1 + np.exp(-z))
    labels = (random.random(num_rows) < chances).astype(np.int64)
    weights = random.integers(12285, 400000, num_rows)
    races, countries = (
        random.choice(values, num_rows).tolist() for values in (["White", "Black", "Other"], ["United-States", "?"])
    )
    cells = [
        [
            *(str(age[i]), "Private" if i % 9 else "?", str(weights[i]), _EDUCATION[education[i]], str(years[i])),
            *("Married-civ-spouse" if is_married[i] else "Never-married", _OCCUPATIONS[occupation[i]]),
            *("Husband" if is_married[i] else "Own-child", races[i], "Male" if is_male[i] else "Female"),
            *(str(gain[i]), "0", str(hours[i]), countries[i], _LABELS[labels[i]]),
        ]
        for i in range(num_rows)
    ]
    return AdultRows(cells, labels, chances)


def write_files(folder: Path, train: AdultRows, test: AdultRows) -> None:
    """`adult.data` and `adult.test` as the repository has them, among its other files."""
    folder.mkdir(parents=True)
    lines = [", ".join(row) for row in train.cells]
    (folder / "adult.data").write_text("\n".join(lines) + "\n\n")
    lines = [", ".join(row) + "." for row in test.cells]
    (folder / "adult.test").write_text("|1x3 Cross validator\n" + "\n".join(lines) + "\n\n")
    (folder / "adult.names").write_text("| This data was extracted from the census bureau database.\n>50K, <=50K.\n")
