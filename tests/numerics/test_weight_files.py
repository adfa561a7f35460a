"""Weights survive a round trip bit for bit; files that do not fit are refused before anything is loaded."""

from __future__ import annotations

from tests.numerics.conftest import Numbers


def test_round_trip_restores_the_outputs(numbers: Numbers) -> None:
    found = numbers.alone["weight_files"]
    assert found["is_changed"]
    assert found["is_restored"]
    assert found["num_partial"] == 0


def test_files_that_do_not_fit_change_nothing(numbers: Numbers) -> None:
    found = numbers.alone["weight_files"]
    other, broken, empty, absent = found["problems"]
    assert all(problem.startswith("DataError: ") for problem in found["problems"])
    assert "are of another network" in other
    assert "broken" in broken
    assert "empty" in empty
    assert absent.endswith("do not exist")
    assert found["is_untouched"]
