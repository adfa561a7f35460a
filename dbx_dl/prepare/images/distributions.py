"""How the images of a table look over its train split, which monitoring compares scored ones with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import Distributions, PreparedTable
from dbx_dl.distributions.counting import count_rows
from dbx_dl.distributions.fitting import choose_places
from dbx_dl.distributions.measures import HASH, IS_INPUT_THERE, WINDOW, list_input_measures
from dbx_dl.prepare.images.checks import LOOK, SHARPNESS

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from dbx_dl.contracts import ImageSpec
    from dbx_dl.distributions.measures import Measure

# What a file was before it was encoded anew, which those that are scored later may be or not.
_OF_FILES = ("width", "height", "size_bytes", "format")


def distribute_images(
    train: DataFrame, spec: ImageSpec, earlier: PreparedTable | None, *, is_encoded: bool
) -> Distributions:
    """The distributions over good rows of the train split, in three passes over narrow columns; no image is decoded.

    Where images were stored as they came also of width, height, size_bytes and format. Sharpness, and which images look
    like another one, is known of images that were just read: a table that is only brought up to date keeps those of the
    `earlier` prepare, if it had any.
    """
    measures = [measure for measure in list_input_measures(spec) if _is_known(measure, earlier, is_encoded=is_encoded)]
    rows = train.select(*_list_columns(measures, spec))
    chosen = choose_places(rows, measures)
    found = chosen.read(count_rows(rows, chosen.places))
    kept = None if earlier is None else earlier.statistics.distributions
    if kept is None:
        return found
    sharpness = (column for column in kept.columns if column.measure == "sharpness")
    changes = {"columns": (*found.columns, *sharpness), "near_duplicates": kept.near_duplicates}
    return found.model_copy(update=changes)


def _is_known(measure: Measure, earlier: PreparedTable | None, *, is_encoded: bool) -> bool:
    if is_encoded and measure.name in _OF_FILES:
        return False
    return measure.name not in ("sharpness", HASH) or earlier is None


def _list_columns(measures: list[Measure], spec: ImageSpec) -> list[Column]:
    from pyspark.sql import functions as F

    columns = [F.lit("").alias(WINDOW), F.lit(True).alias(IS_INPUT_THERE)]
    for i, measure in enumerate(measures):
        columns.append(_find_column(str(measure.name), spec.channels).alias(f"m{i}"))
    return columns


def _find_column(name: str, channels: int) -> Column:
    from pyspark.sql import functions as F

    averaged = {"brightness": "pixel_means", "contrast": "pixel_deviations"}
    if name in averaged:
        column = F.col(averaged[name])
        total = column[0]
        for channel in range(1, channels):
            total = total + column[channel]
        return total / F.lit(float(channels))
    if name in ("format", HASH):
        return F.col(LOOK if name == HASH else name)
    return F.col(SHARPNESS if name == "sharpness" else name).cast("double")
