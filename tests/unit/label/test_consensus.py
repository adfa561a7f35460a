"""One label of what several annotators say, and what is left out and why."""

from __future__ import annotations

from typing import Any

import pytest

from dbx_dl.config import ResolveConfig
from dbx_dl.label.agreed_rows import ItemFacts, find_facts
from dbx_dl.label.consensus import agree_on_classes, agree_on_sets
from dbx_dl.label.ratings import ClassRatings
from tests.label_events import START, make_event


def by_key(found: Any) -> dict[str, tuple[Any, ...]]:
    rows = found.to_pylist()
    assert all(row.pop("labelled_at") == START for row in rows)
    return {row.pop("key"): tuple(row.values()) for row in rows}


def test_the_majority_holds_and_ties_are_left_or_given_to_the_frequent_one() -> None:
    ratings = ClassRatings.of(
        [
            ("a", "ann", "x"),
            ("a", "ben", "x"),
            ("a", "zoe", "y"),
            ("b", "ann", "y"),
            ("b", "ben", "x"),
            ("c", "ann", "y"),
        ]
    )
    facts = find_facts([("a", "human", START), ("b", "human", START), ("c", "rule", START)])
    found, reasons = agree_on_classes(ratings, facts, ResolveConfig(table="r"))
    assert by_key(found) == {"a": ("x", pytest.approx(2 / 3), 3, "human"), "c": ("y", 1.0, 1, "rule")}
    assert reasons == {"with a tie": 1}
    found, reasons = agree_on_classes(ratings, facts, ResolveConfig(table="r", ties="frequent", min_confidence=0.6))
    assert (set(by_key(found)), reasons) == ({"a", "c"}, {"with too little confidence": 1})
    found, reasons = agree_on_classes(ratings, facts, ResolveConfig(table="r", ties="frequent", min_annotators=2))
    # Three ratings of all are for either class: the lower one by name.
    assert by_key(found)["b"] == ("x", 0.5, 2, "human") and reasons == {"with too few annotators": 1}
    found, reasons = agree_on_classes(ClassRatings.of([]), {}, ResolveConfig(table="r"), is_trusted=True)
    assert (found.num_rows, found.schema.names[0], reasons) == (0, "key", {})


def test_who_is_always_wrong_is_not_trusted() -> None:
    rows = [(f"i{n}", person, "x" if n % 2 else "y") for n in range(30) for person in ("ann", "ben")]
    rows += [(f"i{n}", "zoe", "y" if n % 2 else "x") for n in range(30)]
    rows += [("open", "ann", "x"), ("open", "zoe", "x")]
    ratings = ClassRatings.of(rows)
    found, reasons = agree_on_classes(
        ratings, dict.fromkeys(ratings.item_keys, ItemFacts("human", START)), ResolveConfig(table="r"), is_trusted=True
    )
    labels = by_key(found)
    assert all(labels[f"i{n}"][0] == ("x" if n % 2 else "y") and labels[f"i{n}"][1] > 0.99 for n in range(30))
    assert reasons == {} and labels["open"][1] < 0.95


def test_a_label_of_a_set_needs_more_than_half() -> None:
    given = {"a": (("x", "y"), ("x",), ("x", "z")), "b": (("x",), ()), "c": ((),)}
    events = [
        make_event(f"{key} {number}", key, task="label_sets", labels=labels, annotator=f"p{number}")
        for key, every in given.items()
        for number, labels in enumerate(every)
    ]
    found, reasons = agree_on_sets(events, ResolveConfig(table="r", method="majority"))
    assert by_key(found) == {"a": (["x"], pytest.approx(2 / 3), 3, "human"), "c": ([], 1.0, 1, "human")}
    assert reasons == {"with a tie": 1}
    found, _ = agree_on_sets(events, ResolveConfig(table="r", method="majority", ties="frequent"))
    assert by_key(found)["b"] == ([], 0.5, 2, "human")
    found, _ = agree_on_sets([], ResolveConfig(table="r", method="majority"))
    assert str(found.schema.field("label").type).startswith("list<") and found.num_rows == 0


def test_the_last_label_says_when() -> None:
    later = START.replace(year=2027)
    found = find_facts([("a", "human", START), ("a", "human", later), ("a", "human", START)])
    assert found == {"a": ItemFacts("human", later)}
