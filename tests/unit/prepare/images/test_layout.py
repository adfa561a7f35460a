"""Sizes of files follow from images' mean size, between bounds."""

from __future__ import annotations

import pytest

from dbx_dl.config import PrepareImagesConfig
from dbx_dl.prepare.images.layout import file_bytes, num_files, num_read_tasks, row_group_bytes, rows_per_file

MIB = 2**20


def configure(target: int | None = None) -> PrepareImagesConfig:
    values = {"source": "in", "table": "t", "height": 8, "width": 8, "target_file_bytes": target}
    return PrepareImagesConfig.model_validate(values)


@pytest.mark.parametrize(
    ("mean_bytes", "in_file", "in_group"),
    [(100, 8 * MIB, 4 * MIB), (10_000, 40_960_000, 5_120_000), (5 * MIB, 64 * MIB, 64 * MIB)],
)
def test_files_and_row_groups_hold_many_images(mean_bytes: float, in_file: int, in_group: int) -> None:
    assert file_bytes(mean_bytes, configure()) == in_file
    assert row_group_bytes(mean_bytes) == in_group
    assert rows_per_file(mean_bytes, configure()) == in_file // mean_bytes


def test_the_config_has_the_last_word() -> None:
    assert file_bytes(100, configure(MIB)) == MIB
    assert num_files(1_000_000, 1000, configure(100 * MIB)) == 10


@pytest.mark.parametrize("num_images", [0, 10])
def test_little_needs_one_file(num_images: int) -> None:
    assert num_files(num_images, 1000, configure()) == num_read_tasks(num_images, 1000, configure()) == 1


def test_a_million_images_are_many_tasks_also_where_sizes_are_unknown() -> None:
    for mean_bytes in (0.0, 2000.0, 100_000.0):
        assert num_files(1_000_000, mean_bytes, configure()) > 200
        assert num_read_tasks(1_000_000, mean_bytes, configure()) == num_files(1_000_000, mean_bytes, configure())
    assert num_read_tasks(5000, 100.0, configure()) == 16
