"""Images and texts measured on the executors: their bytes and words become a few columns of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dbx_dl.transforms.image_measures import measure_image
from dbx_dl.transforms.undecodable import UndecodableError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from dbx_dl.contracts import ImageSpec, TextFeature

# The column of bytes or texts that measures take the place of.
FILE_COLUMN = "_file"
_TYPES = {"format": "string", "hash": "bigint"}
Measurer = Callable[[Iterable["pa.RecordBatch"]], Iterator["pa.RecordBatch"]]


def measure_images(rows: DataFrame, names: Mapping[str, str], spec: ImageSpec) -> DataFrame:
    """The rows with the columns `names`, of the measures that they are mapped to, in the place of FILE_COLUMN.

    What is no usable image has null in all of them.
    """

    def measure(column: pa.Array) -> list[dict[str, Any]]:
        return [_measure_image(data.as_py(), spec) for data in column]

    return _replace_file(rows, names, measure)


def measure_texts(rows: DataFrame, names: Mapping[str, str], text: TextFeature) -> DataFrame:
    """The rows with the columns `names` in the place of FILE_COLUMN: `length` is the number of a text's tokens.

    `unknown_share` is the share of these that are not in the vocabulary, null without any token. Null has neither.
    """
    vocabulary = frozenset(text.vocabulary)

    def measure(column: pa.Array) -> list[dict[str, Any]]:
        return _measure_texts(column, text, vocabulary)

    return _replace_file(rows, names, measure)


def _replace_file(
    rows: DataFrame, names: Mapping[str, str], measure: Callable[[pa.Array], list[dict[str, Any]]]
) -> DataFrame:
    from pyspark.sql.types import StructType

    kept = [field for field in rows.schema.fields if field.name != FILE_COLUMN]
    added = StructType.fromDDL(", ".join(f"{column} {_TYPES.get(name, 'double')}" for column, name in names.items()))
    measurer = make_measurer([field.name for field in kept], names, measure)
    return rows.mapInArrow(measurer, StructType(kept + added.fields))


def make_measurer(
    kept: list[str], names: Mapping[str, str], measure: Callable[[pa.Array], list[dict[str, Any]]]
) -> Measurer:
    """The function that the executors run; `kept` columns go through it untouched."""

    def measure_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        types = {"format": pa.string(), "hash": pa.int64()}
        for batch in batches:
            found = measure(batch.column(batch.schema.get_field_index(FILE_COLUMN)))
            arrays = [batch.column(batch.schema.get_field_index(name)) for name in kept]
            for name in names.values():
                arrays.append(pa.array([row.get(name) for row in found], types.get(name, pa.float64())))
            yield pa.RecordBatch.from_arrays(arrays, names=[*kept, *names])

    return measure_batches


def _measure_image(data: bytes | None, spec: ImageSpec) -> dict[str, Any]:
    if data is None:
        return {}
    try:
        return asdict(measure_image(data, spec))
    except UndecodableError:
        return {}


def _measure_texts(column: pa.Array, text: TextFeature, vocabulary: frozenset[str]) -> list[dict[str, Any]]:
    import numpy as np

    from dbx_dl.transforms.arrow_values import to_str
    from dbx_dl.transforms.text import TextSplitter, group_by_length

    found: list[dict[str, Any]] = [{} for _ in range(len(column))]
    splitter, texts = TextSplitter(text.pattern, lowercase=text.lowercase), to_str(column, text.column)
    # `split` gives texts in the order of these groups.
    order = np.concatenate(group_by_length(texts)) if len(texts) else np.empty(0, np.int64)
    for row, tokens in zip(order.tolist(), splitter.split(texts), strict=True):
        if not column[row].is_valid:
            continue
        words = [token.lower() for token in tokens] if text.lowercase else tokens
        unknown = sum(word not in vocabulary for word in words)
        found[row] = {"length": len(words), "unknown_share": unknown / len(words) if words else None}
    return found
