"""The real worker, which also writes down which keys a rank read and the weights it had when training ended."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dbx_dl.contracts import Batch
from dbx_dl.runtime.ranks import read_rank_place
from dbx_dl.train import worker


class AuditedFeed:
    """A feed that remembers the keys of every pass."""

    def __init__(self, feed: Any, split: str, passes: list[dict[str, Any]]) -> None:
        self._feed = feed
        self._split = split
        self._passes = passes
        self.num_rows, self.num_steps = feed.num_rows, feed.num_steps

    def batches(self, epoch: int | None, first_step: int = 0) -> Iterator[Batch]:
        record: dict[str, Any] = {"split": self._split, "epoch": epoch, "batches": []}
        self._passes.append(record)
        for batch in self._feed.batches(epoch, first_step):
            record["batches"].append([key for key in batch.keys if key])
            yield batch


def main(job_path: str) -> None:
    """Run the worker with its feeds and its fit wrapped."""
    rank = read_rank_place().rank
    audit = Path(job_path).parent / "audit"
    audit.mkdir(exist_ok=True)
    passes: list[dict[str, Any]] = []
    fit, open_split = worker.fit, worker._open_split

    def audited_fit(objective: Any, *arguments: Any) -> Any:
        result = fit(objective, *arguments)
        objective.save_weights(next_path(audit, rank, arguments[4]))
        return result

    def audited_split(job: Any, split: Any, *arguments: Any) -> Any:
        return AuditedFeed(open_split(job, split, *arguments), split, passes)

    worker.fit, worker._open_split = audited_fit, audited_split  # type: ignore[assignment]
    worker.main(job_path)
    (audit / f"keys_{rank}.json").write_text(json.dumps(passes), encoding="utf-8")


def next_path(audit: Path, rank: int, best: Any) -> Path:
    """A path with the suffix of the run's own weights."""
    return audit / f"weights_{rank}{best.path.suffix}"


if __name__ == "__main__":
    main(sys.argv[1])
