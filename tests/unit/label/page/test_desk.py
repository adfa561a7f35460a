"""Who gets which item: leases, several people an item, skips, withdrawals, labels that come from elsewhere."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.contracts import LabelEvent
from dbx_dl.label.page.desk import Desk
from dbx_dl.label.page.inbox import InboxReader, LabelInbox
from dbx_dl.label.page.items import PageItem
from tests.unit.label.page.test_inbox import make_event


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class NoInbox(LabelInbox):
    """For state alone: keeps events in memory."""

    def __init__(self) -> None:
        self.events: list[LabelEvent] = []

    def append(self, event: LabelEvent) -> None:
        self.events.append(event)


def make_desk(num_items: int, clock: Clock | None = None, wanted: int = 1, inbox: LabelInbox | None = None) -> Desk:
    """A desk of items `0`, `1`, … with leases of 100 seconds."""
    items = [PageItem(str(number)) for number in range(num_items)]
    return Desk(items, inbox or NoInbox(), annotations_per_item=wanted, lease_seconds=100, clock=clock or Clock())


def say(desk: Desk, key: str, annotator: str) -> LabelEvent:
    """A label of the item by that person."""
    event = make_event(key).model_copy(update={"annotator": annotator, "labelled_at": desk.stamp()})
    assert desk.record(event)
    return event


def test_two_people_do_not_get_the_same_item_until_a_lease_ends() -> None:
    clock = Clock()
    desk = make_desk(3, clock)
    assert (desk.take_next("ada"), desk.take_next("bob"), desk.take_next("ada")) == (0, 1, 0)
    clock.now = 60
    desk.renew(1, "bob")
    desk.renew(0, "eve")  # it is not hers
    clock.now = 101
    assert desk.take_next("eve") == 0, "ada was not heard of for too long"
    assert desk.take_next("ada") == 2
    say(desk, "0", "ada")  # late, and kept all the same
    assert desk.measure_progress("ada").num_mine == 1
    assert desk.take_next("eve") is None


def test_an_item_is_done_with_as_many_people_as_wanted() -> None:
    desk = make_desk(1, wanted=2)
    assert [desk.take_next(name) for name in ("ada", "bob", "eve")] == [0, 0, None]
    say(desk, "0", "ada")
    assert desk.take_next("ada") is None and desk.measure_progress("ada").num_done == 0
    say(desk, "0", "bob")
    assert desk.measure_progress("eve").num_done == 1


def test_who_labelled_before_counts() -> None:
    items = [PageItem("a", annotators=frozenset({"ada"})), PageItem("b")]
    desk = Desk(items, NoInbox(), annotations_per_item=2)
    assert (desk.take_next("ada"), desk.take_next("bob")) == (1, 0)


def test_skipped_items_go_to_others_and_come_again_when_asked_for() -> None:
    desk = make_desk(2)
    assert desk.take_next("ada") == 0
    desk.skip(0, "ada")
    assert (desk.take_next("ada"), desk.take_next("bob")) == (1, 0)
    say(desk, "1", "ada")
    assert desk.take_next("ada") is None and desk.measure_progress("ada").num_skipped == 1
    say(desk, "0", "bob")
    assert desk.measure_progress("ada").num_skipped == 0
    desk.show_skipped_again("ada")
    assert desk.take_next("ada") is None


def test_a_withdrawn_label_opens_the_item_and_the_one_before_holds() -> None:
    desk = make_desk(1)
    first, second = say(desk, "0", "ada"), say(desk, "0", "ada")
    assert first.labelled_at < second.labelled_at
    assert desk.find_label(0, "ada") == second

    def withdraw(label: LabelEvent) -> None:
        changes = {"withdraws": label.label_id, "labels": (), "label_id": f"w-{label.label_id}"}
        assert desk.record(label.model_copy(update=changes))

    withdraw(second)
    assert desk.find_label(0, "ada") == first and desk.measure_progress("ada").num_done == 1
    withdraw(first)
    assert desk.find_label(0, "ada") is None and desk.take_next("ada") == 0


def test_a_label_that_is_taken_back_frees_an_item_that_was_labelled_at_the_start() -> None:
    desk = Desk([PageItem("a", annotators=frozenset({"ada", "bob"}))], NoInbox(), annotations_per_item=2)
    assert desk.take_next("eve") is None
    label = make_event("a")  # by ada, of an earlier start: read from the inbox once more
    desk.take_in([label])
    assert desk.take_next("eve") is None
    changes = {"withdraws": label.label_id, "labels": (), "label_id": f"w-{label.label_id}"}
    assert desk.record(label.model_copy(update=changes))
    assert desk.measure_progress("ada").num_mine == 0
    assert desk.take_next("eve") == 0


def test_the_same_event_again_is_written_once(tmp_path: Path) -> None:
    desk = make_desk(1, inbox=LabelInbox(tmp_path))
    event = make_event("0")
    assert desk.record(event) and not desk.record(event)
    assert list(InboxReader(tmp_path).read_new()) == [event]
    again = make_desk(1, inbox=LabelInbox(tmp_path))
    again.take_in(InboxReader(tmp_path).read_new())
    assert not again.record(event), "also after a restart"
    assert again.take_next("bob") is None


def test_opening_an_item_that_another_is_at_takes_it_from_nobody() -> None:
    desk = make_desk(2)
    assert desk.take_next("ada") == 0
    desk.open_item(0, "bob")
    assert desk.take_next("bob") == 1 and desk.take_next("ada") == 0


@given(
    st.integers(1, 6),
    st.integers(1, 3),
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("nsl")), max_size=40),
)
def test_no_item_is_with_more_people_than_wanted(num_items: int, wanted: int, steps: list[tuple[str, str]]) -> None:
    desk = make_desk(num_items, wanted=wanted)
    at: dict[str, int | None] = {}
    people: dict[int, set[str]] = {position: set() for position in range(num_items)}
    for name, step in steps:
        position = at.get(name)
        if step == "n" or position is None:
            at[name] = desk.take_next(name)
        elif step == "s":
            desk.skip(position, name)
            at[name] = None
        else:
            say(desk, str(position), name)
            people[position].add(name)
            at[name] = None
        for position in range(num_items):
            here = {name for name, place in at.items() if place == position}
            assert not here & people[position]
            assert len(here | people[position]) <= wanted
    assert desk.measure_progress("a").num_done == sum(len(names) >= wanted for names in people.values())


def test_moments_rise_even_when_the_clock_does_not() -> None:
    desk = make_desk(1)
    moments = [desk.stamp() for _ in range(500)]
    assert all(earlier < later for earlier, later in pairwise(moments))


@pytest.mark.parametrize("key", ["0", "1"])
def test_keys_have_places(key: str) -> None:
    assert make_desk(2).find_position(key) == int(key) and make_desk(2).find_position("x") is None
