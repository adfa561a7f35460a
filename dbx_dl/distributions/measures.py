"""What is measured of rows, and the narrow columns of one kind each that measuring makes of a table's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dbx_dl.contracts import FileSpec, ImageSpec, MeasureName, find_text
from dbx_dl.distributions.file_measures import FILE_COLUMN, measure_images, measure_texts
from dbx_dl.transforms.raw_columns import (
    is_readable,
    is_text,
    quote_name,
    read_boolean,
    read_embedding,
    read_number,
    read_text,
)

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

    from dbx_dl.contracts import InputSpec
    from dbx_dl.transforms.raw_columns import RawKind

MeasuredKind = Literal["number", "category", "presence", "vector", "hash"]
WINDOW, IS_INPUT_THERE, IS_OUTPUT_THERE = "window", "_is_input_there", "_is_output_there"
# A number of each row's own, by which rows are drawn.
IDENTITY = "_identity"
TEXT_MEASURES: tuple[MeasureName, ...] = ("length", "unknown_share")
IMAGE_NUMBERS: tuple[MeasureName, ...] = ("brightness", "contrast", "sharpness", "width", "height", "size_bytes")
HASH: Literal["hash"] = "hash"
_RAW_KINDS: dict[str, RawKind] = {"number": "numeric", "category": "categorical", "vector": "embedding"}


@dataclass(frozen=True)
class Measure:
    """One measure of a column; `is_input` says that it is a model's input rather than its prediction.

    Of a presence only whether there is a value is told, of a hash only whether several rows have it.
    `is_boolean`: text in the place of numbers is true or false. Vectors have `size` numbers. `is_of_all_rows`: rows
    whose input or prediction is not there count as well.
    """

    column: str
    kind: MeasuredKind
    name: MeasureName | Literal["hash"] = "value"
    is_input: bool = True
    is_boolean: bool = False
    size: int = 0
    is_of_all_rows: bool = False

    @property
    def raw_kind(self) -> RawKind:
        """How its column is read."""
        return "boolean" if self.is_boolean else _RAW_KINDS[self.kind]


def list_input_measures(inputs: InputSpec) -> tuple[Measure, ...]:
    """What is measured of a model's inputs.

    Of images, texts, numbers, booleans, categories and embeddings. Of dates, numbers by step and histories only whether
    they are there: that time moves on is no drift. Recordings are not measured.
    """
    if isinstance(inputs, FileSpec):
        return _list_image_measures(inputs.column) if isinstance(inputs, ImageSpec) else ()
    found: list[Measure] = []
    for feature in inputs.features:
        column = feature.column
        if feature.kind == "numeric":
            found.append(Measure(column, "number", is_boolean=feature.is_boolean))
        elif feature.kind in ("categorical", "hashed", "id"):
            found.append(Measure(column, "category"))
        elif feature.kind == "embedding":
            found.append(Measure(column, "vector", size=feature.size))
        elif feature.kind == "text":
            found += (Measure(column, "number", name) for name in TEXT_MEASURES)
        else:
            found.append(Measure(column, "presence"))
    return tuple(found)


def _list_image_measures(column: str) -> tuple[Measure, ...]:
    numbers = (Measure(column, "number", name) for name in IMAGE_NUMBERS)
    return (*numbers, Measure(column, "category", "format"), Measure(column, "hash", HASH))


def can_measure(frame: DataFrame, measure: Measure) -> bool:
    """Whether the frame has the column, of a type that can be read."""
    if measure.column not in frame.columns:
        return False
    return _is_readable(frame.schema[measure.column].dataType, measure)


def _is_readable(given: DataType, measure: Measure) -> bool:
    from pyspark.sql.types import BinaryType, StringType

    if measure.name in TEXT_MEASURES:
        return isinstance(given, StringType)
    if measure.name != "value":
        return isinstance(given, BinaryType)
    if measure.kind == "presence":
        return True
    return is_readable(given, measure.raw_kind)


def measure_rows(
    frame: DataFrame,
    measures: Sequence[Measure],
    *,
    inputs: InputSpec | None,
    null_tokens: Sequence[str],
    window: Column,
    is_input_there: Column,
    is_output_there: Column | None = None,
    has_identity: bool = False,
) -> DataFrame:
    """A row for each row: WINDOW string, IS_INPUT_THERE boolean, and a column `m<i>` for each of the measures.

    With `is_output_there` that is the boolean IS_OUTPUT_THERE. With `has_identity` there is a bigint IDENTITY too, a
    hash of all that the frame holds of a row but files and maps.

    Numbers are double, categories string, vectors array<double>, hashes bigint; null where there is none. Measures of
    images and texts are read on the executors, all of them in one go. `null_tokens` are null among inputs: a class may
    have such a name.
    """
    of_file = {i: measure for i, measure in enumerate(measures) if measure.name != "value"}
    columns = [
        _read(frame, measure, null_tokens if measure.is_input else ()).alias(f"m{i}")
        for i, measure in enumerate(measures)
        if i not in of_file
    ]
    first = [window.alias(WINDOW), is_input_there.alias(IS_INPUT_THERE)]
    if is_output_there is not None:
        first.append(is_output_there.alias(IS_OUTPUT_THERE))
    if has_identity:
        first.append(_identify(frame).alias(IDENTITY))
    if not of_file:
        return frame.select(*first, *columns)
    return _measure_files(frame, of_file, inputs, [*first, *columns])


def _identify(frame: DataFrame) -> Column:
    from pyspark.sql import functions as F

    kinds = {field.name: field.dataType.simpleString() for field in frame.schema.fields}
    names = [name for name, kind in kinds.items() if kind != "binary" and "map<" not in kind]
    return F.xxhash64(*(F.col(quote_name(name)) for name in names))


def _measure_files(
    frame: DataFrame, of_file: dict[int, Measure], inputs: InputSpec | None, columns: list[Column]
) -> DataFrame:
    from pyspark.sql import functions as F

    (source,) = {measure.column for measure in of_file.values()}
    rows = frame.select(*columns, F.col(quote_name(source)).alias(FILE_COLUMN))
    names = {f"m{i}": str(measure.name) for i, measure in of_file.items()}
    if isinstance(inputs, ImageSpec):
        return measure_images(rows, names, inputs)
    text = None if inputs is None else find_text(inputs)
    if text is None:
        raise ValueError("measures of images and texts need the spec that says how they are read")
    return measure_texts(rows, names, text)


def _read(frame: DataFrame, measure: Measure, null_tokens: Sequence[str]) -> Column:
    name = measure.column
    if measure.kind == "vector":
        return read_embedding(frame, name)
    if measure.kind == "category":
        return read_text(name, null_tokens)
    if measure.kind == "presence":
        return _read_presence(frame, name, null_tokens)
    return (read_boolean if measure.is_boolean else read_number)(frame, name, null_tokens)


def _read_presence(frame: DataFrame, name: str, null_tokens: Sequence[str]) -> Column:
    """An empty text where there is a value."""
    from pyspark.sql import functions as F

    is_read = is_text(frame.schema[name].dataType)
    value = read_text(name, null_tokens) if is_read else F.col(quote_name(name))
    return F.when(value.isNotNull(), F.lit(""))
