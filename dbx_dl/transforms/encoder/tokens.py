"""Sentences in an encoder graph: cut into tokens, which become ids of a vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbx_dl.contracts.token_ids import FIRST_ID, PADDING_ID, UNKNOWN_ID
from dbx_dl.transforms.encoder.categories import MICROSOFT_DOMAIN, look_up

if TYPE_CHECKING:
    from dbx_dl.contracts import TextFeature
    from dbx_dl.transforms.encoder.graph import EncoderGraph


def split_text(graph: EncoderGraph, strings: str, pattern: str, *, lowercase: bool) -> str:
    """(N,) strings -> (N + 1, L) tokens, "" behind the last one of a row; the last row is empty.

    The further row is for operators that refuse to run without rows. Only A to Z are put into lower case here, in the
    same way on every machine; what goes beyond depends on the languages that are installed.
    """
    import numpy as np
    from onnx import TensorProto

    text = graph.add("Concat", [strings, graph.constant(np.array([""], object))], axis=0)
    if lowercase:
        text = graph.add("StringNormalizer", [text], case_change_action="LOWER", is_case_sensitive=1, locale="C")
    options: dict[str, Any] = {"mark": 0, "pad_value": "", "mincharnum": 1, "tokenexp": pattern}
    tokens = graph.add("Tokenizer", [text], domain=MICROSOFT_DOMAIN, **options)
    # ONNX's shape inference crashes where it looks up strings of unknown shape.
    return graph.describe(tokens, TensorProto.STRING, ["", ""])


def encode_text(graph: EncoderGraph, feature: TextFeature) -> str:
    """(N,) strings -> int64 (N, max_length) ids."""
    tokens = split_text(graph, feature.column, feature.pattern, lowercase=feature.lowercase)
    found = look_up(graph, tokens, list_ids(feature), default=UNKNOWN_ID)
    ids = graph.add("Slice", [found, graph.constant([0]), graph.constant([-1]), graph.constant([0])])
    num_rows = graph.add("Shape", [feature.column])
    shape = graph.add("Concat", [num_rows, graph.constant([feature.max_length])], axis=0)
    padding = graph.add("Expand", [graph.constant([[PADDING_ID]]), shape])
    padded = graph.add("Concat", [ids, padding], axis=1)
    return graph.add("Slice", [padded, graph.constant([0]), graph.constant([feature.max_length]), graph.constant([1])])


def list_ids(feature: TextFeature) -> dict[str, int]:
    """Ids by token as `split_text` gives it.

    Beyond A to Z, of which the graph sees lower case only, a word in lower case, with a capital or in capitals
    altogether has the same id.
    """
    ids = {"": PADDING_ID}
    for number, token in enumerate(feature.vocabulary, start=FIRST_ID):
        for form in _list_forms(token) if feature.lowercase else [token]:
            ids.setdefault(form, number)
    return ids


def lower_latin(text: str) -> str:
    """A to Z in lower case, as `split_text` writes them."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _list_forms(token: str) -> list[str]:
    return [token, lower_latin(token.capitalize()), lower_latin(token.upper())]
