"""Whether an interrupted training may go on with a job, and what is different if it does."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import ConfigError
from dbx_dl.feed.shards import count_lanes
from dbx_dl.train.checkpoints import convert_step
from dbx_dl.train.job import flatten

if TYPE_CHECKING:
    from dbx_dl.train.checkpoint_files import Progress
    from dbx_dl.train.job import TrainingJob

# What may change between launches of one training: where and how it runs, not what it computes.
_FREE = (
    *("num_ranks", "batch_size", "launcher", "timeout_seconds", "checkpoint", "report_every_steps", "max_loss_growth"),
    *("feed.num_threads", "feed.max_memory_bytes", "feed.cache", "feed.storage_options"),
)


def digest_job(job: TrainingJob) -> str:
    """SHA-256 of what must stay the same for a training to go on."""
    return hashlib.sha256(json.dumps(_describe_job(job), sort_keys=True).encode()).hexdigest()


def require_same_job(earlier: TrainingJob, job: TrainingJob) -> None:
    """ConfigError naming the first difference, unless an earlier training can go on with this job."""
    before, now = _describe_job(earlier), _describe_job(job)
    is_other_batch = earlier.config.batch_size != job.config.batch_size
    if is_other_batch and _count_rows(earlier) != _count_rows(job):
        before |= {"train.batch_size": earlier.config.batch_size}
        now |= {"train.batch_size": job.config.batch_size}
    for name in sorted(before.keys() | now.keys()):
        was, is_now = before.get(name), now.get(name)
        if was != is_now:
            raise ConfigError(
                f"the training in {job.directory} cannot go on: its {name} was {was!r} and is now {is_now!r}; "
                "set it back, or start anew without resume"
            )


def describe_change(progress: Progress, job: TrainingJob) -> str:
    """A sentence on what is different on another number of ranks; empty where nothing is."""
    num_ranks, batch_size = job.config.num_ranks, job.config.batch_size
    before, now = progress.num_ranks * progress.batch_size, num_ranks * batch_size
    if (progress.num_ranks, before) == (num_ranks, now):
        return ""
    parts = [f"{progress.num_ranks} -> {num_ranks} ranks"]
    parts.append(f"global batches of {before} -> {now} rows" if before != now else f"global batches stay {now} rows")
    if progress.step and count_lanes(progress.num_ranks) != count_lanes(num_ranks):
        parts.append(f"epoch {progress.epoch} starts over, since its rows come in another order")
    elif num_twice := progress.num_rows - convert_step(progress, num_ranks, batch_size) * now:
        parts.append(f"{num_twice} rows of epoch {progress.epoch} are trained on twice")
    if job.config.optimizer.rate_scaling != "none":
        parts.append(f"learning rates are scaled for {num_ranks}")
    parts.append("noise such as dropout is drawn anew" if num_ranks > progress.num_ranks else "noise is another")
    return ", ".join(parts)


def _count_rows(job: TrainingJob) -> int:
    return job.config.num_ranks * job.config.batch_size


def _describe_job(job: TrainingJob) -> dict[str, Any]:
    table = job.prepared.table
    config = flatten(job.config.model_dump(mode="json"))
    return {
        "framework": job.framework,
        "table": table.path,
        "table version": table.version,
        **{f"train.{name}": value for name, value in config.items() if not name.startswith(_FREE)},
    }
