"""Shapes of several people are grouped as two people's are matched, whatever the order, and their middle is nearer."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.metrics.shape_agreement import match_overlaps, overlap_boxes
from dbx_dl.metrics.shape_consensus import find_middle, group_shapes, join_boxes

SEEDS = st.integers(0, 2**31)


def draw_shapes(seed: int, num_people: int, num_shapes: int) -> tuple[np.ndarray, list[int], list[str]]:
    """What people draw around the same objects, each a little off, some of them left out: overlaps, owners, labels."""
    random = np.random.default_rng(seed)
    truth = np.concatenate([random.uniform(0, 0.7, (num_shapes, 2)), random.uniform(0.1, 0.3, (num_shapes, 2))], axis=1)
    names = random.choice(["cat", "dog"], num_shapes)
    drawn = [(person, place) for person in range(num_people) for place in range(num_shapes) if random.random() < 0.8]
    boxes = np.array([truth[place] + random.normal(0, 0.02, 4) for _, place in drawn]).reshape(-1, 4)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], 0.02)
    return overlap_boxes(boxes, boxes), [person for person, _ in drawn], [str(names[place]) for _, place in drawn]


@given(SEEDS, st.integers(1, 5), st.integers(0, 6))
def test_every_shape_is_in_one_group_of_one_label_and_of_each_person_one(seed: int, people: int, shapes: int) -> None:
    overlaps, owners, labels = draw_shapes(seed, people, shapes)
    groups = group_shapes(overlaps, owners, labels, 0.5)
    assert sorted(place for group in groups for place in group) == list(range(len(owners)))
    assert [group[0] for group in groups] == sorted(group[0] for group in groups)
    for group in groups:
        assert len({owners[place] for place in group}) == len(group)
        assert len({labels[place] for place in group}) == 1
        # Each of a group overlaps another one of it enough.
        own = overlaps[np.ix_(group, group)] - np.eye(len(group))
        assert len(group) == 1 or own.max(axis=1).min() >= 0.5


@given(SEEDS, st.integers(1, 4), st.integers(0, 5), st.randoms())
def test_the_order_of_people_and_shapes_does_not_matter(seed: int, people: int, shapes: int, random) -> None:
    overlaps, owners, labels = draw_shapes(seed, people, shapes)
    order = list(range(len(owners)))
    random.shuffle(order)
    shuffled = group_shapes(
        overlaps[np.ix_(order, order)], [owners[place] for place in order], [labels[place] for place in order], 0.5
    )
    found = {frozenset(order[place] for place in group) for group in shuffled}
    assert found == {frozenset(group) for group in group_shapes(overlaps, owners, labels, 0.5)}


@given(SEEDS, st.integers(0, 6))
def test_two_people_are_matched_as_their_agreement_is_measured(seed: int, num_shapes: int) -> None:
    overlaps, owners, labels = draw_shapes(seed, 2, num_shapes)
    pairs = [group for group in group_shapes(overlaps, owners, labels, 0.5) if len(group) == 2]
    found = sorted(overlaps[first, second] for first, second in pairs)
    num_first = owners.count(0)
    between = overlaps[:num_first, num_first:]
    matched = match_overlaps(between, labels[:num_first], labels[num_first:])
    np.testing.assert_allclose(found, sorted(matched[matched >= 0.5]))


@given(SEEDS, st.integers(1, 7))
def test_a_joined_box_lies_within_its_group_and_has_a_size(seed: int, num: int) -> None:
    random = np.random.default_rng(seed)
    boxes = np.concatenate([random.uniform(0, 0.5, (num, 2)), random.uniform(1e-3, 0.5, (num, 2))], axis=1)
    x, y, width, height = join_boxes(boxes)
    assert width > 0 and height > 0
    assert (boxes[:, :2].min(axis=0) <= (x, y)).all()
    assert ((boxes[:, :2] + boxes[:, 2:]).max(axis=0) + 1e-12 >= (x + width, y + height)).all()
    np.testing.assert_allclose(join_boxes(boxes[::-1]), (x, y, width, height))


def test_the_joined_box_is_nearer_to_the_truth_than_most_of_its_group() -> None:
    random, better = np.random.default_rng(0), []
    truth = np.array([[0.3, 0.3, 0.3, 0.3]])
    for _ in range(200):
        boxes = truth + random.normal(0, 0.03, (5, 4))
        joined = overlap_boxes(join_boxes(boxes)[None], truth)[0, 0]
        better.append((overlap_boxes(boxes, truth)[:, 0] < joined).mean())
    assert np.mean(better) > 0.7


def test_the_middle_overlaps_the_others_most() -> None:
    assert find_middle(np.array([[1, 0.6, 0.5], [0.6, 1, 0.8], [0.5, 0.8, 1]])) == 1
    assert find_middle(np.array([[1, 0.7], [0.7, 1]])) == 0
