"""One rank's process: `python -m dbx_dl.train.worker <job.json>`, with its place in the HOROVOD_* variables."""

from __future__ import annotations

import logging
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import dbx_dl
from dbx_dl.contracts import SPLITS
from dbx_dl.errors import RankFailedError
from dbx_dl.feed.reader import Feed, open_feed
from dbx_dl.feed.rows import read_keys
from dbx_dl.frameworks import load_framework
from dbx_dl.frameworks.measures import SupervisedMeasures
from dbx_dl.frameworks.requests import choose_calibration, network_request, objective_request
from dbx_dl.runtime.array_files import write_arrays
from dbx_dl.runtime.collector import rest_during_imports
from dbx_dl.runtime.gpus import should_have_gpu
from dbx_dl.runtime.logs import show_rank_logs
from dbx_dl.runtime.processes import end_with_parent, without_teardown
from dbx_dl.runtime.ranks import RankPlace, read_rank_place
from dbx_dl.runtime.whole_files import write_whole
from dbx_dl.tasks import task_of
from dbx_dl.train.attention import FILE as ATTENTION_FILE
from dbx_dl.train.attention import keep_attention
from dbx_dl.train.baselines import measure_baseline
from dbx_dl.train.calibration import calibrate
from dbx_dl.train.checkpoint_files import load_checkpoint
from dbx_dl.train.checkpoints import BestWeights, Checkpoints
from dbx_dl.train.evaluation import observe_split
from dbx_dl.train.failures import end_on_failure
from dbx_dl.train.job import TrainingJob, TrainingResult
from dbx_dl.train.loop import Report, fit
from dbx_dl.train.meters import REPORT_KINDS, RankMetrics, StepMetrics
from dbx_dl.train.reports import ReportWriter
from dbx_dl.train.resuming import digest_job
from dbx_dl.train.run_directory import RunDirectory
from dbx_dl.train.samples import draw_samples
from dbx_dl.train.starting import find_start_weights
from dbx_dl.train.thresholds import find_threshold, measure_label, tell_threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.contracts import Calibration, EpochMetrics, Split, Threshold
    from dbx_dl.frameworks.interface import Framework, Measures, Objective, Ranks

logger = logging.getLogger(__name__)


def main(job_path: str) -> None:
    """Run the job's part of this rank; on failure write why into the run directory and exit with 1 at once."""
    end_with_parent()
    rest_during_imports()
    place = read_rank_place()
    directory = RunDirectory(Path(job_path).parent)
    with end_on_failure(directory, place.rank):
        show_rank_logs()
        run_rank(TrainingJob.load(job_path), place, ReportWriter(directory.reports(place.rank)))


def run_rank(job: TrainingJob, place: RankPlace, reports: ReportWriter) -> None:
    """Train, evaluate the best weights on the test split, and, on rank 0, write the result."""
    framework = load_framework(job.framework)
    num_threads = count_threads(place)
    framework.seed_process(job.config.seed + place.rank, num_threads)
    ranks = framework.connect_ranks(place)
    directory = RunDirectory(Path(job.directory))
    reports.write({"kind": "started", "rank": place.rank, "pid": os.getpid(), "host": platform.node()})
    versions = describe_versions(framework)
    if "gpu" not in versions and should_have_gpu():
        logger.warning("%s finds none of this machine's GPUs: it trains on the CPU", job.framework)
    objective = _create_objective(framework, job, ranks)
    feeds = {split: _open_split(job, split, place, num_threads) for split in SPLITS}
    best = BestWeights(directory.weights(framework.weights_suffix), ranks)

    checkpoints = Checkpoints(
        directory.checkpoints,
        ranks,
        job.config.checkpoint,
        best,
        job_digest=digest_job(job),
        batch_size=job.config.batch_size,
        check=lambda: require_latest(job),
    )
    reporter = make_reporter(reports, place)
    start = None if job.start is None else load_checkpoint(Path(job.start))
    fitted = fit(
        objective,
        ranks,
        feeds["train"],
        feeds["validation"],
        job.config,
        best,
        reporter if place.rank else draw_samples(reporter, objective, job, directory),
        checkpoints,
        start,
        directory.stop.exists,
    )
    best.restore(objective)
    measures, calibration = _choose_measures(objective, job, ranks, feeds["validation"])
    threshold = _choose_threshold(objective, job, ranks, feeds["validation"], measures)
    observed = observe_split(objective, ranks, feeds["test"], measures)
    if place.rank == 0:
        require_latest(job)
        keep_attention(objective, feeds["test"], directory.root / ATTENTION_FILE)
        metrics = _measure_test(job, directory, observed, measures, threshold)
        TrainingResult(
            history=fitted.history,
            best_epoch=fitted.best_epoch,
            metrics=metrics,
            rows_per_second=fitted.rows_per_second,
            weights=best.digest(),
            versions=versions,
            calibration=calibration,
            threshold=threshold,
        ).save(directory.result)
    ranks.close()


def require_latest(job: TrainingJob) -> None:
    """RankFailedError when the driver gave this launch up for lost and has started another one."""
    num_launches = RunDirectory(Path(job.directory)).count_launches()
    if num_launches > job.launch:
        raise RankFailedError(f"launch {num_launches} goes on with this training: launch {job.launch} ends here")


def make_reporter(reports: ReportWriter, place: RankPlace) -> Report:
    """What the loop reports to: rank 0 writes what is the same on every rank, each rank what is its own."""

    def report(values: EpochMetrics | StepMetrics | RankMetrics) -> None:
        if place.rank == 0 or isinstance(values, RankMetrics):
            reports.write({"kind": REPORT_KINDS[type(values)], **values.model_dump()})

    return report


def count_threads(place: RankPlace) -> int:
    """Threads per rank: the machine's cores that this process may use, shared among its ranks."""
    num_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, num_cores // place.local_size)


def _measure_test(
    job: TrainingJob,
    directory: RunDirectory,
    observed: Mapping[str, NDArray[Any]],
    measures: Measures,
    threshold: Threshold | None,
) -> dict[str, float]:
    """Write the test split's predictions, and give its metrics, named `test_<metric>`."""
    keys, ordered = order_by_key(job, observed)
    write_test_predictions(job, directory, keys, ordered)
    measured = measures.measure(ordered)
    if threshold is not None:
        measured |= measure_label(threshold, job.prepared.target, ordered)
    baseline = measure_baseline(job.prepared)
    return {f"test_{name}": value for name, value in (measured | baseline).items()}


def order_by_key(
    job: TrainingJob, observed: Mapping[str, NDArray[Any]]
) -> tuple[NDArray[np.str_], dict[str, NDArray[Any]]]:
    """The test split's keys, sorted, and what was observed in stored order in theirs, which is the gate's."""
    keys = np.array(read_keys(job.prepared, "test"), dtype=np.str_)
    order = np.argsort(keys, kind="stable")
    return keys[order], {name: values[order] for name, values in observed.items()}


def write_test_predictions(
    job: TrainingJob, directory: RunDirectory, keys: NDArray[np.str_], observed: Mapping[str, NDArray[Any]]
) -> None:
    """Write keys, labels and float32 predictions of the test split, as `order_by_key` gives them.

    Predictions are named `probabilities` where they are those of classes or labels. `sample_weights` are beside them
    where rows have some.
    """
    target = job.prepared.target
    task = task_of(target)
    name = "probabilities" if task.output_kind == "probabilities" else "predictions"
    labels = observed["labels"] if observed else np.zeros(0, dtype=np.int64)
    values = observed["predictions"] if observed else np.zeros((0, *task.row_shape(target)))
    arrays: dict[str, Any] = {"keys": keys, "labels": labels, name: values.astype(np.float32)}
    if "sample_weights" in observed:
        arrays["sample_weights"] = observed["sample_weights"]
    with write_whole(directory.test_predictions) as partial:
        write_arrays(partial, arrays)


def _create_objective(framework: Framework, job: TrainingJob, ranks: Ranks) -> Objective:
    config = job.config
    request = network_request(job.prepared, config.network, config.network_options, config.seed)
    network = framework.build_network(request)
    stages = framework.freeze_network(network, config.freeze, config.unfreeze) if config.freeze else ()
    learned = objective_request(job.prepared, config)
    objective = framework.create_objective(network, config.optimizer, ranks, learned, stages)
    if config.start is not None and job.start is None and ranks.rank == 0:
        weights = find_start_weights(config.start, job.framework)
        objective.load_weights(weights, skip_mismatched=config.start.skip_mismatched)
    return objective


def _choose_measures(
    objective: Objective, job: TrainingJob, ranks: Ranks, feed: Feed
) -> tuple[Measures, Calibration | None]:
    method = choose_calibration(job.prepared.target.task, job.config)
    calibration = None if method is None else calibrate(objective, ranks, feed, method)
    if calibration is None:
        return objective.measures, None
    return SupervisedMeasures(objective_request(job.prepared, job.config), calibration), calibration


def _choose_threshold(
    objective: Objective, job: TrainingJob, ranks: Ranks, feed: Feed, measures: Measures
) -> Threshold | None:
    if job.config.threshold is None:
        return None
    observed = observe_split(objective, ranks, feed, measures)
    found, is_met = find_threshold(job.config.threshold, job.prepared.target, observed)
    if ranks.rank == 0:
        tell_threshold(found, is_met, job.config.threshold)
    return found


def _open_split(job: TrainingJob, split: Split, place: RankPlace, num_threads: int) -> Feed:
    return open_feed(
        job.prepared,
        split,
        batch_size=job.config.batch_size,
        rank=place.rank,
        num_ranks=place.size,
        seed=job.config.seed,
        config=job.config.feed,
        num_threads=num_threads,
    )


def describe_versions(framework: Framework) -> dict[str, str]:
    """Versions of dbx_dl, Python and what the framework says."""
    own = {"dbx_dl": dbx_dl.__version__, "python": platform.python_version()}
    return {**own, **framework.describe_versions()}


if __name__ == "__main__":
    with without_teardown():
        main(sys.argv[1])
