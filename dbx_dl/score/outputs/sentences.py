"""Ids of tokens and their probabilities become texts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.score.inputs.arrow_lists import as_lists
from dbx_dl.score.outputs.kind import WithoutChoices

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.contracts import Target

# What stands for a token that is not in the vocabulary.
UNKNOWN = "<unknown>"


@dataclass(frozen=True)
class Sentences:
    """An output (N, 2, T): ids, 0 behind the last token, and probabilities.

    Fields: text string; tokens array<string> and probabilities array<float> of these, an entry each; probability double
    of the whole text, its end included.
    """

    output: str
    vocabulary: tuple[str, ...]
    joiner: str = " "

    @property
    def fields(self) -> dict[str, str]:
        """Name and SQL type of every field, in order."""
        return {"text": "string", "tokens": "array<string>", "probability": "double", "probabilities": "array<float>"}

    def build(self, values: NDArray[np.float32], wanted: Collection[str]) -> dict[str, pa.Array]:
        """The fields of rows (N, 2, T)."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        del wanted
        ids_nt = values[:, 0].astype(np.int64)
        is_token_nt = ids_nt != 0
        offsets = np.concatenate([[0], np.cumsum(is_token_nt.sum(axis=1))])
        words = pa.array((UNKNOWN, *self.vocabulary), pa.string()).take(pa.array(ids_nt[is_token_nt] - 1))
        tokens = as_lists(words, offsets)
        return {
            "text": pc.binary_join(tokens, self.joiner),
            "tokens": tokens,
            "probability": pa.array(values[:, 1].astype(np.float64).prod(axis=1)),
            "probabilities": as_lists(pa.array(values[:, 1][is_token_nt].astype(np.float32)), offsets),
        }

    def no_rows(self) -> np.ndarray:
        """Ids and probabilities without rows."""
        import numpy as np

        return np.empty((0, 2, 1), np.float32)


class SentenceKind(WithoutChoices):
    """Ids and their probabilities by step (N, 2, T)."""

    what = "texts"

    def make(self, output: str, target: Target) -> Sentences:
        """The fields `text`, `tokens`, `probability` and `probabilities`."""
        return Sentences(output, () if target.text is None else target.text.vocabulary, target.joiner)

    def list_columns(self, target: Target) -> tuple[str, ...]:
        """Tokens, and what they are worth."""
        del target
        return ("tokens", "probability", "probabilities")

    def read(self, predictions: pa.Table, target: Target) -> np.ndarray:
        """(N, 2, T); the end's probability is what the whole text's leaves for it."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        text = target.text
        assert text is not None
        tokens, shares = (predictions.column(name).combine_chunks() for name in ("tokens", "probabilities"))
        known = pc.index_in(tokens.flatten(), pa.array(text.vocabulary, pa.string())).fill_null(-1)
        lengths = pc.list_value_length(tokens).to_numpy(zero_copy_only=False)
        is_token = np.arange(text.max_length) < lengths[:, None]
        found = np.zeros((len(tokens), 2, text.max_length), np.float32)
        found[:, 1] = 1
        found[:, 0][is_token] = known.to_numpy(zero_copy_only=False) + 2
        found[:, 1][is_token] = shares.flatten().to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(lengths < text.max_length)
        whole = predictions.column("probability").to_numpy()[rows]
        tokens_only = found[rows, 1].astype(np.float64).prod(axis=1)
        found[rows, 1, lengths[rows]] = np.divide(whole, tokens_only, out=np.ones_like(whole), where=tokens_only > 0)
        return found
