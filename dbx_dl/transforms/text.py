"""Sentences cut into tokens by the ONNX operators that models have, in groups of sentences of about one length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError
from dbx_dl.transforms.encoder.graph import EncoderGraph
from dbx_dl.transforms.encoder.tokens import split_text
from dbx_dl.transforms.sessions import open_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import onnx
    from numpy.typing import NDArray

# Tokens that are cut at once: a batch's rows times the most that its longest text can have.
MAX_CELLS = 2**22
_TEXT, _TOKENS = "text", "tokens"


class TextSplitter:
    """Cuts texts into tokens as `TextFeature` says, in the calling thread."""

    def __init__(self, pattern: str, *, lowercase: bool) -> None:
        """ConfigError when the pattern is none, or finds tokens without a character."""
        try:
            self._session = open_session(_build_splitter(pattern, lowercase=lowercase))
            self._session.run(None, {_TEXT: ["a"]})
        except Exception as error:
            reason = str(error).strip().splitlines()[-1]
            raise ConfigError(f"pattern {pattern!r} cannot cut texts (its syntax is RE2's): {reason}") from None

    def count(self, texts: NDArray[np.object_]) -> NDArray[np.int32]:
        """How many tokens each of the strings (N,) has."""
        import numpy as np

        numbers = np.zeros(len(texts), np.int32)
        for rows in group_by_length(texts):
            (tokens,) = self._session.run(None, {_TEXT: texts[rows]})
            numbers[rows] = (tokens[:-1] != "").sum(axis=1)
        return numbers

    def split(self, texts: NDArray[np.object_]) -> Iterator[list[str]]:
        """The tokens of each of the strings (N,), in groups of texts of about one length, so in another order."""
        for rows in group_by_length(texts):
            (tokens,) = self._session.run(None, {_TEXT: texts[rows]})
            yield from ([token for token in row if token] for row in tokens[:-1].tolist())


def group_by_length(texts: NDArray[np.object_]) -> list[NDArray[np.int64]]:
    """Positions of the strings (N,), shortest first, in groups that are cut at once within `MAX_CELLS`."""
    import numpy as np

    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    if len(texts) * int(lengths.max(initial=0)) <= MAX_CELLS:
        return [np.arange(len(texts))] if len(texts) else []
    order, groups, start = np.argsort(lengths, kind="stable"), [], 0
    for stop in range(1, len(order) + 1):
        if stop == len(order) or (stop + 1 - start) * lengths[order[stop]] > MAX_CELLS:
            groups.append(order[start:stop])
            start = stop
    return groups


def _build_splitter(pattern: str, *, lowercase: bool) -> onnx.ModelProto:
    from onnx import TensorProto, helper

    from dbx_dl.transforms.tabular import make_model

    graph = EncoderGraph([_TEXT])
    graph.add("Identity", [split_text(graph, _TEXT, pattern, lowercase=lowercase)], output=_TOKENS)
    text = helper.make_tensor_value_info(_TEXT, TensorProto.STRING, ["N"])
    tokens = helper.make_tensor_value_info(_TOKENS, TensorProto.STRING, ["M", "L"])
    return make_model(graph, [text], tokens, opset=18, needs_onnx_runtime=True)
