"""What every kind of feature means, in plain pandas and NumPy: the reference that encoders are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from dbx_dl.contracts import (
    CategoricalFeature,
    DatetimeFeature,
    EmbeddingFeature,
    FeatureSpec,
    HashedFeature,
    NumericFeature,
)
from dbx_dl.contracts.inputs import Feature

Cells = dict[str, list[Any]]
FLOAT32_MAX = float(np.finfo(np.float32).max)
ARROW_TYPES = {
    "numeric": pa.float64(),
    "categorical": pa.string(),
    "hashed": pa.string(),
    "datetime": pa.timestamp("us", "UTC"),
    "embedding": pa.list_(pa.float64()),
}
ALL_KINDS = FeatureSpec(
    features=(
        NumericFeature(column="size", fill=2.0, lower=-10.0, upper=1e6, log1p=True, center=1.0, scale=0.5),
        DatetimeFeature(
            column="when",
            fill=1_700_000_000_000_000,
            parts=("month", "day_of_month", "day_of_week", "hour", "minute"),
            elapsed=True,
            center=1.7e9,
            scale=1e7,
            add_indicator=True,
        ),
        CategoricalFeature(column="colour", categories=("blue", "red")),
        NumericFeature(column="is_new", is_boolean=True, fill=0.0, center=0.0, scale=1.0, add_indicator=True),
        HashedFeature(column="customer", num_buckets=7),
        EmbeddingFeature(column="vector", size=3, fill=(0.5, 0.0, -1.0), center=(0.0, 1.0, 0.0), scale=(1.0, 2.0, 0.1)),
        NumericFeature(column="price", fill=0.0, center=5.0, scale=2.0),
    )
)


def make_cells(num_rows: int, seed: int = 0) -> Cells:
    """Cells of ALL_KINDS: about one null in eight, dates of the years 1 to 9999, numbers that are not finite."""
    rng = np.random.default_rng(seed)

    def some(values: Sequence[Any]) -> list[Any]:
        return [None if is_null else value for is_null, value in zip(rng.random(num_rows) < 0.12, values, strict=True)]

    long_numbers = rng.integers(2**53, 2**62, num_rows)
    odd = np.where(rng.random(num_rows) < 0.1, np.inf, rng.normal(size=num_rows) * 100)
    return {
        "size": some(odd.tolist()),
        "when": some(rng.integers(-62_135_596_800_000_000, 253_402_300_799_999_999, num_rows).tolist()),
        "colour": some(rng.choice(["red", "blue", "", "grün"], num_rows).tolist()),
        "is_new": some(rng.integers(0, 2, num_rows).astype(float).tolist()),
        "customer": some([f"{number}" if row % 3 else f"ä{number}日" for row, number in enumerate(long_numbers)]),
        "vector": some(rng.normal(size=(num_rows, 3)).tolist()),
        "price": some(rng.normal(5, 2, num_rows).tolist()),
    }


def to_table(spec: FeatureSpec, cells: Cells) -> pa.Table:
    """Cells by column (timestamps as microseconds) as the Arrow types that prepared tables have."""
    columns = {}
    for feature in spec.features:
        kind, values = ARROW_TYPES[feature.kind], cells[feature.column]
        plain = pa.array(values, pa.int64()) if feature.kind == "datetime" else pa.array(values, kind)
        columns[feature.column] = plain.cast(kind)
    return pa.table(columns)


def encode_plainly(spec: FeatureSpec, cells: Cells) -> np.ndarray:
    """Encoded cells float64 (N, num_encoded), before they are cast."""
    return np.concatenate([_encode(feature, cells[feature.column]) for feature in spec.features], axis=1)


def murmur3(data: bytes) -> int:
    """MurmurHash3 (x86, 32 bit, unsigned, seed 0), as its author published it."""
    mask, state, end = 0xFFFFFFFF, 0, len(data) // 4 * 4

    def rotate(value: int, bits: int) -> int:
        return (value << bits | value >> (32 - bits)) & mask

    def mix(part: bytes) -> int:
        return rotate(int.from_bytes(part, "little") * 0xCC9E2D51 & mask, 15) * 0x1B873593 & mask

    for start in range(0, end, 4):
        state = (rotate(state ^ mix(data[start : start + 4]), 13) * 5 + 0xE6546B64) & mask
    state ^= mix(data[end:]) ^ len(data)
    state = (state ^ state >> 16) * 0x85EBCA6B & mask
    state = (state ^ state >> 13) * 0xC2B2AE35 & mask
    return state ^ state >> 16


def _encode(feature: Feature, values: list[Any]) -> np.ndarray:
    if isinstance(feature, NumericFeature):
        return _encode_number(feature, values)
    if isinstance(feature, DatetimeFeature):
        return _encode_timestamp(feature, values)
    if isinstance(feature, EmbeddingFeature):
        nothing = [np.nan] * feature.size
        given = np.array([nothing if row is None else row for row in values], np.float64).reshape(-1, feature.size)
        return _scale(np.where(np.isfinite(given), given, feature.fill), feature.center, feature.scale)
    if isinstance(feature, HashedFeature):
        slots = [1 + murmur3(text.encode()) % feature.num_buckets if text else 0 for text in values]
    else:
        slots = [feature.categories.index(text) + 1 if text in feature.categories else 0 for text in values]
    return np.eye(feature.num_encoded)[np.array(slots, np.int64)]


def _encode_number(feature: NumericFeature, values: list[Any]) -> np.ndarray:
    given = pd.Series(values, dtype="float64")
    missing = ~np.isfinite(given)
    numbers = given.mask(missing, feature.fill).clip(feature.lower, feature.upper)
    if feature.log1p:
        numbers = np.sign(numbers) * np.log1p(numbers.abs())
    columns = [_scale(numbers.to_numpy(), feature.center, feature.scale)]
    return np.stack([*columns, *([missing.to_numpy(np.float64)] if feature.add_indicator else [])], axis=1)


def _encode_timestamp(feature: DatetimeFeature, values: list[Any]) -> np.ndarray:
    missing = np.array([value is None for value in values], bool)
    micros = np.array([feature.fill if value is None else value for value in values], np.int64)
    times = pd.Series(micros.astype("datetime64[us]")).dt
    cycles = {
        "month": (times.month - 1, 12),
        "day_of_month": (times.day - 1, 31),
        "day_of_week": (times.dayofweek, 7),
        "hour": (times.hour, 24),
        "minute": (times.minute, 60),
    }
    columns = []
    for part in feature.parts:
        values_n, length = cycles[part]
        angles = 2 * np.pi * values_n.to_numpy(np.float64) / length
        columns += [np.sin(angles), np.cos(angles)]
    if feature.elapsed:
        columns.append(_scale(micros.astype(np.float64) / 1e6, feature.center, feature.scale))
    if feature.add_indicator:
        columns.append(missing.astype(np.float64))
    return np.stack(columns, axis=1) if columns else np.empty((len(values), 0))


def _scale(values: np.ndarray, center: Any, scale: Any) -> np.ndarray:
    with np.errstate(over="ignore"):
        scaled: np.ndarray = np.clip((values - np.asarray(center)) / np.asarray(scale), -FLOAT32_MAX, FLOAT32_MAX)
    return scaled
