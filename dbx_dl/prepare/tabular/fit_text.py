"""A column of texts becomes a vocabulary of its frequent tokens and a length at which texts are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import TextFeature, TextSpec
from dbx_dl.errors import DataError

if TYPE_CHECKING:
    from dbx_dl.config import TextColumn
    from dbx_dl.contracts import TextAndColumnsSpec
    from dbx_dl.prepare.tabular.token_measures import TokenMeasures

# Where the config does not say: the longest text of the train split, or so many tokens.
DEFAULT_MAX_LENGTH = 256


def fit_text(name: str, column: TextColumn, measures: TokenMeasures, longest: int = DEFAULT_MAX_LENGTH) -> TextSpec:
    """The `max_tokens` most frequent tokens that occur `min_count` times, most frequent first.

    Where the column does not say texts have at most `longest` tokens. DataError when there is none.
    """
    frequent = measures.top[: column.max_tokens]
    vocabulary = tuple(token for token, count in frequent if count >= column.min_count)
    if not vocabulary:
        often = f" {column.min_count} times" if column.min_count > 1 else ""
        raise DataError(
            f"no token occurs{often} in column {name!r} of the train split: is pattern {column.pattern!r} right?"
        )
    max_length = column.max_length or min(max(1, measures.longest), longest)
    return TextSpec(
        text=TextFeature(
            column=name,
            pattern=column.pattern,
            lowercase=column.lowercase,
            max_length=max_length,
            vocabulary=vocabulary,
        )
    )


def describe_text(spec: TextSpec | TextAndColumnsSpec, measures: TokenMeasures, done: str = "read") -> list[str]:
    """Sentences about texts that are cut (what is behind is not `done`) or have no token, and about unknown tokens."""
    text, sentences = spec.text, []
    num_rows = sum(measures.lengths.values())
    if num_cut := measures.count_longer(text.max_length):
        sentences.append(
            f"column {text.column!r}: {num_cut} of {num_rows} texts of the train split have more than "
            f"{text.max_length} tokens (the longest {measures.longest}): what is behind those is not {done}"
        )
    if num_empty := measures.lengths.get(0, 0):
        sentences.append(f"column {text.column!r}: {num_empty} of {num_rows} texts of the train split have no token")
    if measures.num_distinct > len(text.vocabulary):
        sentences.append(
            f"column {text.column!r} has {measures.num_distinct} different tokens: {len(text.vocabulary)} are kept, "
            "the others count as unknown"
        )
    return sentences
