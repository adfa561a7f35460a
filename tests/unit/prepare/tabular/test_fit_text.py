"""What the train split's tokens become: a vocabulary, a length, and sentences about what is lost."""

from __future__ import annotations

import pyarrow as pa
import pytest

from dbx_dl.config import PrepareTableConfig, TextColumn
from dbx_dl.errors import DataError
from dbx_dl.prepare.tabular.fit_text import describe_text, fit_text
from dbx_dl.prepare.tabular.token_measures import TokenMeasures, make_counter

MEASURES = TokenMeasures(lengths={0: 1, 2: 5, 9: 3, 400: 1}, num_distinct=4, top=(("the", 9), ("a", 4), ("b", 4)))


def test_frequent_tokens_come_first() -> None:
    spec = fit_text("t", TextColumn(max_tokens=2, max_length=8), MEASURES)
    assert (spec.text.vocabulary, spec.text.max_length) == (("the", "a"), 8)
    assert fit_text("t", TextColumn(min_count=5), MEASURES).text.vocabulary == ("the",)


def test_without_a_length_texts_are_cut_at_the_longest_within_reason() -> None:
    assert fit_text("t", TextColumn(), MEASURES).text.max_length == 256
    short = TokenMeasures(lengths={0: 2, 7: 1}, num_distinct=1, top=(("the", 9),))
    assert fit_text("t", TextColumn(), short).text.max_length == 7


def test_a_column_without_tokens_is_refused() -> None:
    with pytest.raises(DataError, match=r"no token occurs 10 times in column 't' of the train split"):
        fit_text("t", TextColumn(min_count=10), MEASURES)


def test_what_is_cut_and_unknown_is_said() -> None:
    sentences = describe_text(fit_text("t", TextColumn(max_length=8, max_tokens=2), MEASURES), MEASURES)
    assert sentences == [
        "column 't': 4 of 10 texts of the train split have more than 8 tokens (the longest 400): what is behind those "
        "is not read",
        "column 't': 1 of 10 texts of the train split have no token",
        "column 't' has 4 different tokens: 2 are kept, the others count as unknown",
    ]


def test_lengths_have_quantiles_and_moments() -> None:
    assert [MEASURES.find_quantile(share) for share in (0.05, 0.5, 0.9, 1.0)] == [0, 2, 9, 400]
    assert MEASURES.moments[0] == pytest.approx((2 * 5 + 9 * 3 + 400) / 10)


def test_executors_count_tokens_and_lengths() -> None:
    batch = pa.RecordBatch.from_pydict({"text": ["Good, good Ämter", None, "bad"]})
    (found,) = make_counter(TextColumn().pattern, True)([batch])
    rows = found.to_pylist()
    assert {row["token"]: row["rows"] for row in rows if row["token"]} == {"good": 2, "ämter": 1, "bad": 1}
    assert {row["length"]: row["rows"] for row in rows if row["token"] is None} == {3: 1, 0: 1, 1: 1}


def test_a_table_has_one_text_which_reads_alone_where_its_tokens_count() -> None:
    values = {"source": "a.csv", "table": "t", "key": "id", "label": "y"}
    columns = {"t": "text", "n": "numeric", "i": "ignore"}
    PrepareTableConfig.model_validate({**values, "columns": columns})
    with pytest.raises(ValueError, match=r"column 't' is a text, and a table has one text at most: ignore n"):
        PrepareTableConfig.model_validate({**values, "columns": columns | {"n": "text"}})
    with pytest.raises(ValueError, match=r"`task: frames` reads the text 't' alone: ignore n"):
        PrepareTableConfig.model_validate({**values, "columns": columns, "task": "frames"})
