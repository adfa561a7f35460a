"""Slots under cores, task cpus, GPUs and local masters."""

from __future__ import annotations

import pytest

from dbx_dl.runtime.slots import limit_slots


@pytest.mark.parametrize(
    ("num_cores", "settings", "expected"),
    [
        (2, {"spark.master": "local[2]"}, 2),
        (8, {"spark.master": "local[2]"}, 2),
        (8, {"spark.master": "local[2,4]"}, 2),
        (8, {"spark.master": "local[2, 4]"}, 2),
        (4, {"spark.master": "local"}, 1),
        (4, {"spark.master": "local[4]", "spark.task.cpus": "2"}, 2),
        (3, {"spark.master": "local[3]", "spark.task.cpus": "2"}, 1),
        (8, {"spark.master": "spark://host:7077"}, 8),
        (8, {"spark.master": "spark://host:7077", "spark.executor.cores": "4", "spark.task.cpus": "3"}, 2),
        (2, {"spark.master": "local-cluster[2,1,1024]", "spark.executor.cores": "1"}, 2),
        (
            16,
            {
                "spark.master": "yarn",
                "spark.executor.cores": "8",
                "spark.executor.resource.gpu.amount": "2",
                "spark.task.resource.gpu.amount": "1",
            },
            4,
        ),
        (
            8,
            {
                "spark.executor.cores": "8",
                "spark.executor.resource.gpu.amount": "1",
                "spark.task.resource.gpu.amount": "0.1",
            },
            8,
        ),
    ],
)
def test_slots(num_cores: int, settings: dict[str, str], expected: int) -> None:
    assert limit_slots(num_cores, lambda name, default: settings.get(name, default)) == expected
