"""Image augmentation: each operation does what it says, and a row's changes depend on seed, epoch and key alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dbx_dl.config import AugmentConfig, FeedConfig
from dbx_dl.errors import ConfigError
from dbx_dl.feed import augmentation
from dbx_dl.feed.augmentation import Augmentation
from dbx_dl.feed.reader import open_feed
from tests.prepared_tables import write_feature_table, write_image_table

ALL = AugmentConfig(flip="both", shift=0.2, crop=0.6, rotate=20, brightness=0.3, erase=0.5)


def draw(height: int = 8, width: int = 6, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 255, (height, width, channels), np.uint8)


def test_flips() -> None:
    image = draw()
    np.testing.assert_array_equal(augmentation.flip(image, True, False), image[:, ::-1])
    np.testing.assert_array_equal(augmentation.flip(image, False, True), image[::-1])
    np.testing.assert_array_equal(augmentation.flip(image, True, True), image[::-1, ::-1])
    np.testing.assert_array_equal(augmentation.flip(image, False, False), image)


@pytest.mark.parametrize(("share_y", "share_x"), [(0.25, 0.5), (-0.25, -0.5), (0.25, -0.5), (0, 0)])
def test_shifts_move_pixels_and_leave_black(share_y: float, share_x: float) -> None:
    image, moved = draw(), augmentation.shift(draw(), share_y, share_x)
    down, right = round(8 * share_y), round(6 * share_x)
    for row, column in np.ndindex(8, 6):
        old = (row - down, column - right)
        expected = image[old] if 0 <= old[0] < 8 and 0 <= old[1] < 6 else 0
        np.testing.assert_array_equal(moved[row, column], expected)


def test_a_crop_of_everything_is_the_image_and_smaller_ones_are_its_parts() -> None:
    image = draw()
    np.testing.assert_array_equal(augmentation.crop(image, 1.0, 0.3, 0.9), image)
    quarters = np.zeros((8, 8, 1), np.uint8)
    quarters[:4, 4:] = 200
    np.testing.assert_array_equal(augmentation.crop(quarters, 0.25, 0.0, 1.0)[:-1, 1:], 200)
    np.testing.assert_array_equal(augmentation.crop(quarters, 0.25, 1.0, 0.0)[1:, :-1], 0)


@pytest.mark.parametrize("channels", [1, 3])
def test_turns_are_counter_clockwise_about_the_middle(channels: int) -> None:
    image = draw(8, 8, channels)
    np.testing.assert_array_equal(augmentation.rotate(image, 0), image)
    # Bilinear weights of almost 0 and 1 may round to a neighbouring value.
    for degrees, turned in ((90, np.rot90(image)), (180, image[::-1, ::-1]), (-90, np.rot90(image, -1))):
        np.testing.assert_allclose(augmentation.rotate(image, degrees).astype(int), turned.astype(int), atol=1)
    assert augmentation.rotate(image, 45)[0, 0].max() == 0


def test_brightness_multiplies_and_saturates() -> None:
    image = np.array([[[0], [100], [200]]], np.uint8)
    assert augmentation.brighten(image, 1.5).ravel().tolist() == [0, 150, 255]
    assert augmentation.brighten(image, 0.5).ravel().tolist() == [0, 50, 100]


@pytest.mark.parametrize("draws", [(0, 0, 0, 0), (0.999, 0.5, 0.999, 0.999), (1, 0, 0.5, 0.5), (1, 1, 0, 1)])
def test_an_erased_rectangle_lies_inside_and_has_its_size(draws: tuple[float, ...]) -> None:
    image = np.full((60, 40, 3), 10, np.uint8)
    image[::2] = 90
    erased = augmentation.erase(image, *draws)
    changed = (erased != image).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert changed[np.ix_(range(rows[0], rows[-1] + 1), columns)].all()
    assert (erased[changed] == 50).all()
    assert 0.01 < changed.mean() < 0.36


def test_what_a_row_gets_depends_on_seed_epoch_and_key() -> None:
    image = draw(28, 28)
    again = Augmentation(ALL, 1, 2).change(image, "a")
    np.testing.assert_array_equal(Augmentation(ALL, 1, 2).change(image, "a"), again)
    for seed, epoch, key in ((2, 2, "a"), (1, 3, "a"), (1, 2, "b"), (-1, 2, "a")):
        assert not np.array_equal(Augmentation(ALL, seed, epoch).change(image, key), again)


def test_draws_fill_their_ranges() -> None:
    image = np.full((4, 4, 1), 100, np.uint8)
    augment = Augmentation(AugmentConfig(brightness=0.5), 0, 1)
    found = [int(augment.change(image, f"row {row}")[0, 0, 0]) for row in range(500)]
    assert 50 <= min(found) < 53 and 147 < max(found) <= 150
    assert 95 < np.mean(found) < 105
    flips = Augmentation(AugmentConfig(flip="horizontal"), 0, 1)
    image[:, 0] = 0
    assert 200 < sum(int(flips.change(image, f"row {row}")[0, 0, 0] == 0) for row in range(500)) < 300


def test_no_config_changes_nothing() -> None:
    assert not AugmentConfig().is_active and AugmentConfig(erase=0.1).is_active
    image = draw()
    np.testing.assert_array_equal(Augmentation(AugmentConfig(), 1, 1).change(image, "a"), image)


def test_a_table_without_images_is_refused(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path, {"train": 5})
    with pytest.raises(ConfigError, match=r"feed\.augment changes images"):
        open_feed(prepared, "train", batch_size=2, config=FeedConfig(augment=ALL))


def test_ranks_batches_and_threads_do_not_matter_and_evaluation_is_untouched(tmp_path: Path) -> None:
    prepared = write_image_table(tmp_path, {"train": 60}, rows_per_group=13)

    def read(epoch: int | None, batch_size: int, num_ranks: int, **changes: Any) -> dict[str, bytes]:
        config = FeedConfig(augment=ALL, **changes)
        feeds = [
            open_feed(prepared, "train", batch_size=batch_size, rank=rank, num_ranks=num_ranks, seed=4, config=config)
            for rank in range(num_ranks)
        ]
        batches = [batch for feed in feeds for batch in feed.batches(epoch)]
        rows = [pair for batch in batches for pair in zip(batch.keys, batch.inputs, strict=True) if pair[0]]
        return {key: pixels.tobytes() for key, pixels in rows}

    first = read(1, 8, 1)
    assert len(first) == 60
    assert first == read(1, 5, 3, num_threads=1) == read(1, 8, 2, num_threads=3, cache={"where": "memory"})
    assert first != read(2, 8, 1)
    plain = open_feed(prepared, "train", batch_size=60)
    (stored,) = plain.batches(None)
    assert read(None, 8, 2) == {k: p.tobytes() for k, p in zip(stored.keys, stored.inputs, strict=True)}
