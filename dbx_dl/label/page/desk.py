"""Who labels which item: leases, so that two people do not get the same one, and what is done, skipped or undone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain

from dbx_dl.contracts import LabelEvent
from dbx_dl.label.page.inbox import LabelInbox
from dbx_dl.label.page.items import PageItem


@dataclass(frozen=True)
class Progress:
    """How far the items are: `num_done` have as many labels as are wanted, `num_mine` have one of the asking person."""

    num_items: int
    num_done: int
    num_mine: int
    num_skipped: int


@dataclass(frozen=True)
class _Lease:
    annotator: str
    until_seconds: float


class Desk:
    """The state of one page; all of it can be asked and changed from several threads at once.

    An item is done with labels of `annotations_per_item` people. It is given out to so many people at a time, each for
    `lease_seconds` after the last sign of life. A label that comes later is kept all the same.
    """

    def __init__(
        self,
        items: Iterable[PageItem],
        inbox: LabelInbox,
        *,
        annotations_per_item: int = 1,
        lease_seconds: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._items = list(items)
        self._inbox = inbox
        self._wanted, self._lease_seconds, self._clock = annotations_per_item, lease_seconds, clock
        self._positions = {item.key: position for position, item in enumerate(self._items)}
        self._events: dict[str, LabelEvent] = {}
        self._withdrawn: set[str] = set()
        self._label_ids: dict[int, dict[str, list[str]]] = {}
        # Of whom the inbox tells more than what was known at the start, by position.
        self._told: dict[int, set[str]] = {}
        self._leases: dict[int, list[_Lease]] = {}
        self._skipped: dict[str, set[int]] = {}
        # Who has a label of the item that counts, by position.
        self._people = [set(item.annotators) for item in self._items]
        self._last_moment = datetime.min.replace(tzinfo=UTC)
        self._lock = threading.RLock()

    def find_position(self, key: str) -> int | None:
        """Where the item of that key is, or None where it is not among this page's."""
        return self._positions.get(key)

    def take_next(self, annotator: str) -> int | None:
        """The item that the person is at, else the first that needs a label and that nobody else is at; leased now."""
        with self._lock:
            held = sorted(held for held in self._leases if self._holds(held, annotator))
            for position in chain(held, range(len(self._items))):
                if self._is_open_to(position, annotator):
                    self._lease(position, annotator)
                    return position
            return None

    def open_item(self, position: int, annotator: str) -> None:
        """Lease an item that the person goes back to, unless others are at it already: they may look all the same."""
        with self._lock:
            if self._count_others(position, annotator) < self._wanted:
                self._lease(position, annotator)

    def renew(self, position: int, annotator: str) -> None:
        """A sign of life of the person who is at the item."""
        with self._lock:
            if self._holds(position, annotator):
                self._lease(position, annotator)

    def skip(self, position: int, annotator: str) -> None:
        """The person does not want the item now: others may get it."""
        with self._lock:
            self._release(position, annotator)
            self._skipped.setdefault(annotator, set()).add(position)

    def show_skipped_again(self, annotator: str) -> None:
        """What the person skipped is given out to them once more."""
        with self._lock:
            self._skipped.pop(annotator, None)

    def stamp(self) -> datetime:
        """The time in UTC, later than any that was given before: the order of labels is that in which they came."""
        with self._lock:
            moment = max(datetime.now(UTC), self._last_moment + timedelta(microseconds=1))
            self._last_moment = moment
            return moment

    def find_event(self, label_id: str) -> LabelEvent | None:
        """The event of that id, if it came to this page."""
        with self._lock:
            return self._events.get(label_id)

    def record(self, event: LabelEvent) -> bool:
        """Write an event to the inbox; False where it came before. DataError where it cannot be written."""
        with self._lock:
            if event.label_id in self._events:
                return False
            self._inbox.append(event)
            self._note(event)
            return True

    def take_in(self, events: Iterable[LabelEvent]) -> None:
        """Note events that are written already: of an earlier page, or of another one that works on the same inbox."""
        with self._lock:
            for event in events:
                if event.label_id not in self._events:
                    self._note(event)

    def find_label(self, position: int, annotator: str) -> LabelEvent | None:
        """The person's own label of the item that counts at present."""
        with self._lock:
            label_ids = self._label_ids.get(position, {}).get(annotator, [])
            counting = [self._events[one] for one in label_ids if one not in self._withdrawn]
            return max(counting, key=lambda event: event.labelled_at, default=None)

    def measure_progress(self, annotator: str) -> Progress:
        """How far the items, and the person, are."""
        with self._lock:
            num_done = sum(len(people) >= self._wanted for people in self._people)
            num_mine = sum(annotator in people for people in self._people)
            num_skipped = sum(self._needs(position, annotator) for position in self._skipped.get(annotator, ()))
            return Progress(len(self._items), num_done, num_mine, num_skipped)

    def _note(self, event: LabelEvent) -> None:
        self._events[event.label_id] = event
        position = self._positions.get(event.item_key)
        if event.withdraws is not None:
            self._withdrawn.add(event.withdraws)
        elif position is not None:
            self._label_ids.setdefault(position, {}).setdefault(event.annotator, []).append(event.label_id)
            self._release(position, event.annotator)
            self._skipped.get(event.annotator, set()).discard(position)
        if position is not None:
            self._told.setdefault(position, set()).add(event.annotator)
            self._people[position] = self._list_annotators(position)

    def _list_annotators(self, position: int) -> set[str]:
        labelled = {
            annotator
            for annotator, label_ids in self._label_ids.get(position, {}).items()
            if any(label_id not in self._withdrawn for label_id in label_ids)
        }
        return labelled | (self._items[position].annotators - self._told.get(position, set()))

    def _needs(self, position: int, annotator: str) -> bool:
        people = self._people[position]
        return annotator not in people and len(people) < self._wanted

    def _is_open_to(self, position: int, annotator: str) -> bool:
        if position in self._skipped.get(annotator, ()) or not self._needs(position, annotator):
            return False
        return self._count_others(position, annotator) < self._wanted

    def _count_others(self, position: int, annotator: str) -> int:
        """How many other people labelled the item or are at it."""
        now = self._clock()
        leased = {lease.annotator for lease in self._leases.get(position, ()) if lease.until_seconds > now}
        return len((leased | self._people[position]) - {annotator})

    def _holds(self, position: int, annotator: str) -> bool:
        now = self._clock()
        return any(one.annotator == annotator and one.until_seconds > now for one in self._leases.get(position, ()))

    def _lease(self, position: int, annotator: str) -> None:
        self._release(position, annotator)
        self._leases.setdefault(position, []).append(_Lease(annotator, self._clock() + self._lease_seconds))

    def _release(self, position: int, annotator: str) -> None:
        others = [one for one in self._leases.pop(position, ()) if one.annotator != annotator]
        if others:
            self._leases[position] = others


def find_done(events: Iterable[LabelEvent], wanted: int) -> set[str]:
    """Keys of items that so many people have labelled, as far as these events tell."""
    every = list(events)
    withdrawn = {event.withdraws for event in every}
    people: dict[str, set[str]] = {}
    for event in every:
        if event.withdraws is None and event.label_id not in withdrawn:
            people.setdefault(event.item_key, set()).add(event.annotator)
    return {key for key, names in people.items() if len(names) >= wanted}
