"""What the train split tells of a column of texts: how long they are, and how often each token occurs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.prepare.tabular.lengths import Lengths
from dbx_dl.runtime.kept_rows import kept_on_disk
from dbx_dl.runtime.tables import quote_column
from dbx_dl.transforms.arrow_values import to_str
from dbx_dl.transforms.text import TextSplitter

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from dbx_dl.config import TextColumn

_SCHEMA = "token string, length long, rows long"


@dataclass(frozen=True)
class TokenMeasures(Lengths):
    """Texts by their number of tokens, and the most frequent tokens with their counts, ties by name.

    There is one token more than the vocabulary may have, where there are so many; `num_distinct` counts all.
    """

    num_distinct: int
    top: tuple[tuple[str, int], ...]

    def find_quantile(self, share: float) -> int:
        """The first length whose rank reaches that share."""
        total, reached = sum(self.lengths.values()), 0
        for length in sorted(self.lengths):
            reached += self.lengths[length]
            if reached >= share * total:
                return length
        return 0

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and population deviation of the lengths."""
        total = sum(self.lengths.values()) or 1
        mean = sum(length * rows for length, rows in self.lengths.items()) / total
        squares = sum((length - mean) ** 2 * rows for length, rows in self.lengths.items())
        return mean, float((squares / total) ** 0.5)


def measure_tokens(train: DataFrame, name: str, column: TextColumn) -> TokenMeasures:
    """Measures of a string column over the rows of `train`, in one pass; null is an empty text.

    ConfigError when the column's pattern cuts no texts.
    """
    from pyspark.sql import functions as F

    TextSplitter(column.pattern, lowercase=column.lowercase)  # told here rather than by an executor
    texts = train.select(F.col(quote_column(name)).alias("text"))
    parts = texts.mapInArrow(make_counter(column.pattern, column.lowercase), _SCHEMA)
    with kept_on_disk(parts.groupBy("token", "length").agg(F.sum("rows").alias("rows"))) as counts:
        lengths = counts.where("token IS NULL").collect()
        tokens = counts.where("token IS NOT NULL")
        num_distinct = tokens.count()
        top = tokens.orderBy(F.desc("rows"), "token").limit(column.max_tokens + 1).collect()
    return TokenMeasures(
        lengths={row["length"]: row["rows"] for row in lengths},
        num_distinct=num_distinct,
        top=tuple((row["token"], row["rows"]) for row in top),
    )


def make_counter(pattern: str, lowercase: bool) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function that counts on the executors: rows by token (length null) and by length (token null)."""

    def count_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        splitter = TextSplitter(pattern, lowercase=lowercase)
        for batch in batches:
            tokens: Counter[str] = Counter()
            lengths: Counter[int] = Counter()
            for found in splitter.split(to_str(batch.column(0), "text")):
                tokens.update(token.lower() for token in found) if lowercase else tokens.update(found)
                lengths[len(found)] += 1
            yield _to_batch(tokens, lengths)

    return count_batches


def _to_batch(tokens: Counter[str], lengths: Counter[int]) -> pa.RecordBatch:
    import pyarrow as pa

    columns = {
        "token": pa.array([*tokens, *[None] * len(lengths)], pa.string()),
        "length": pa.array([*[None] * len(tokens), *lengths], pa.int64()),
        "rows": pa.array([*tokens.values(), *lengths.values()], pa.int64()),
    }
    return pa.RecordBatch.from_pydict(columns)
