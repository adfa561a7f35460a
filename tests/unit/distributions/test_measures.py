"""What is measured of every kind of input, and what of none."""

from __future__ import annotations

from dbx_dl.contracts import (
    AudioSpec,
    CategoricalFeature,
    DatetimeFeature,
    EmbeddingFeature,
    FeatureSpec,
    HashedFeature,
    HistoryFeature,
    HistorySpec,
    IdFeature,
    ImageSpec,
    NumericFeature,
    StepsFeature,
    StepsSpec,
    TextFeature,
    TextSpec,
)
from dbx_dl.distributions.measures import Measure, list_input_measures


def test_columns_are_measured_by_their_kind() -> None:
    spec = FeatureSpec(
        features=(
            NumericFeature(column="x", fill=0, center=0, scale=1),
            NumericFeature(column="flag", is_boolean=True, fill=0, center=0, scale=1),
            CategoricalFeature(column="town", categories=("a",)),
            HashedFeature(column="url", num_buckets=8),
            DatetimeFeature(column="at", fill=0, parts=()),
            EmbeddingFeature(column="v", size=2, fill=(0, 0), center=(0, 0), scale=(1, 1)),
        )
    )
    assert list_input_measures(spec) == (
        Measure("x", "number"),
        Measure("flag", "number", is_boolean=True),
        Measure("town", "category"),
        Measure("url", "category"),
        Measure("at", "presence"),
        Measure("v", "vector", size=2),
    )


def test_files_and_texts_are_measured_by_what_they_hold() -> None:
    images = list_input_measures(ImageSpec(height=2, width=2, channels=1))
    assert {measure.column for measure in images} == {"content"}
    assert [(measure.name, measure.kind) for measure in images][-2:] == [("format", "category"), ("hash", "hash")]
    text = TextFeature(column="t", pattern="x", max_length=1, vocabulary=("x",))
    assert [(m.column, m.name) for m in list_input_measures(TextSpec(text=text))] == [
        ("t", "length"),
        ("t", "unknown_share"),
    ]
    assert list_input_measures(AudioSpec(sample_rate=8000, num_samples=8)) == ()


def test_sequences_are_asked_for_presence() -> None:
    steps = StepsSpec(features=(StepsFeature(column="s", fill=0),), max_steps=3)
    assert list_input_measures(steps) == (Measure("s", "presence"),)
    history = HistorySpec(
        users=(IdFeature(column="user", vocabulary=("u",)),),
        history=HistoryFeature(column="history", max_length=2, vocabulary=("i",)),
    )
    assert list_input_measures(history) == (Measure("user", "category"), Measure("history", "presence"))
