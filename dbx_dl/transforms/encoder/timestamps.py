"""Timestamps in an encoder graph: calendar parts by integer arithmetic, on cycles, and time elapsed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dbx_dl.transforms.encoder.numbers import standardise

if TYPE_CHECKING:
    from dbx_dl.contracts import DatetimeFeature
    from dbx_dl.contracts.inputs import DatetimePart
    from dbx_dl.transforms.encoder.graph import EncoderGraph

# Values on each cycle are integers from 0: January, the first of a month, Monday, midnight.
CYCLES: dict[DatetimePart, int] = {"month": 12, "day_of_month": 31, "day_of_week": 7, "hour": 24, "minute": 60}
_MINUTE = 60_000_000
_DAY = 1440 * _MINUTE
_DAYS_OF_400_YEARS = 146_097


def null_input(column: str) -> str:
    """Name of the boolean input beside a timestamp."""
    return f"{column}_is_null"


def encode_datetime(graph: EncoderGraph, feature: DatetimeFeature) -> str | None:
    """(N,) int64 microseconds and (N,) booleans -> double (N, width): sine and cosine by part, elapsed, indicator.

    None where the feature asks for nothing. Any int64 works, dates before 1970 too (all rounding is downwards, in the
    Gregorian calendar also before it was introduced).
    """
    is_null = null_input(feature.column)
    micros = graph.add("Where", [is_null, graph.constant(feature.fill), feature.column])
    blocks = []
    if feature.parts:
        parts = _Parts(graph, micros)
        blocks += [_on_cycle(graph, parts.find(part), CYCLES[part]) for part in feature.parts]
    if feature.elapsed:
        seconds = graph.add("Div", [graph.as_double(micros), graph.constant(1e6)])
        blocks.append(standardise(graph, graph.as_column(seconds), [feature.center], [feature.scale]))
    if feature.add_indicator:
        blocks.append(graph.as_column(graph.as_double(is_null)))
    return graph.side_by_side(blocks) if blocks else None


class _Parts:
    """Calendar parts of (N,) int64 microseconds, as (N,) int64 values from 0; what several need is computed once."""

    def __init__(self, graph: EncoderGraph, micros: str) -> None:
        self._graph = graph
        self._of_day = self._calculate("Mod", micros, _DAY)  # ONNX's Mod has the divisor's sign
        # Div truncates: one day less where a date before 1970 has a rest. (micros - rest) / day could overflow.
        has_rest = graph.add("Greater", [self._of_day, graph.constant(0)])
        is_before = graph.add("Less", [micros, graph.constant(0)])
        self._days = graph.add(
            "Sub", [self._calculate("Div", micros, _DAY), self._as_int(graph.add("And", [has_rest, is_before]))]
        )
        self._month_and_day: tuple[str, str] | None = None

    def find(self, part: DatetimePart) -> str:
        """The values of a part."""
        if part == "minute":
            return self._calculate("Mod", self._calculate("Div", self._of_day, _MINUTE), 60)
        if part == "hour":
            return self._calculate("Div", self._of_day, 60 * _MINUTE)
        if part == "day_of_week":  # 1970 began on a Thursday
            return self._calculate("Mod", self._calculate("Add", self._days, 3), 7)
        self._month_and_day = self._month_and_day or self._find_month_and_day()
        return self._month_and_day[0 if part == "month" else 1]

    def _find_month_and_day(self) -> tuple[str, str]:
        """Howard Hinnant's civil_from_days, in years that begin in March: every 400 years have the same days."""
        calculate, combine = self._calculate, self._combine
        day = calculate("Mod", calculate("Add", self._days, 719_468), _DAYS_OF_400_YEARS)
        leap_days = combine("Sub", calculate("Div", day, 36_524), calculate("Div", day, 1460))
        leap_days = combine("Sub", leap_days, calculate("Div", day, _DAYS_OF_400_YEARS - 1))
        year = calculate("Div", combine("Add", day, leap_days), 365)
        before = combine("Add", calculate("Mul", year, 365), calculate("Div", year, 4))
        day_of_year = combine("Sub", day, combine("Sub", before, calculate("Div", year, 100)))
        month = calculate("Div", calculate("Add", calculate("Mul", day_of_year, 5), 2), 153)
        first = calculate("Div", calculate("Add", calculate("Mul", month, 153), 2), 5)
        return calculate("Mod", calculate("Add", month, 2), 12), combine("Sub", day_of_year, first)

    def _calculate(self, operator: str, value: str, number: int) -> str:
        return self._graph.add(operator, [value, self._graph.constant(number)])

    def _combine(self, operator: str, left: str, right: str) -> str:
        return self._graph.add(operator, [left, right])

    def _as_int(self, flags: str) -> str:
        from onnx import TensorProto

        return self._graph.add("Cast", [flags], to=TensorProto.INT64)


def _on_cycle(graph: EncoderGraph, values: str, length: int) -> str:
    """(N,) integers -> double (N, 2): sine and cosine of 2 pi v / length, looked up."""
    angles = [2 * math.pi * value / length for value in range(length)]
    return graph.add("Gather", [graph.constant([[math.sin(a), math.cos(a)] for a in angles]), values], axis=0)
