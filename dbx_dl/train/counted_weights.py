"""Runs in a process of its own: a counted transition matrix becomes a network's weights, measured on every split."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from dbx_dl.contracts import SPLITS, EpochMetrics, FileDigest
from dbx_dl.feed.reader import open_feed
from dbx_dl.frameworks import load_framework
from dbx_dl.frameworks.architectures.markov import TRANSITIONS
from dbx_dl.frameworks.requests import network_request, objective_request
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.train.checkpoint_files import digest_file
from dbx_dl.train.evaluation import observe_split
from dbx_dl.train.job import TrainingJob, TrainingResult
from dbx_dl.train.run_directory import RunDirectory
from dbx_dl.train.worker import describe_versions, order_by_key, write_test_predictions


def write_result(job_path: str, matrix_path: str) -> None:
    """Write weights, test predictions and a result of one epoch, whose loss is that of the train split."""
    job = TrainingJob.load(job_path)
    framework, config, directory = load_framework(job.framework), job.config, RunDirectory(Path(job.directory))
    framework.seed_process(config.seed, num_threads=1)
    network = framework.build_network(
        network_request(job.prepared, config.network, config.network_options, config.seed)
    )
    kernel = np.log(np.load(matrix_path, allow_pickle=False)).astype(np.float32)
    framework.set_kernel(network, TRANSITIONS, kernel)
    learned = objective_request(job.prepared, config)
    objective = framework.create_objective(network, config.optimizer, SingleRank(), learned)
    path = directory.weights(framework.weights_suffix)
    objective.save_weights(path)
    started, found = time.monotonic(), dict[str, dict[str, float]]()
    for split in SPLITS:
        feed = open_feed(job.prepared, split, batch_size=config.batch_size, config=config.feed)
        observed: Any = observe_split(objective, SingleRank(), feed)
        found[split] = objective.measures.measure(observed)
        if split == "test":
            write_test_predictions(job, directory, *order_by_key(job, observed))
    seconds = time.monotonic() - started
    epoch = {"train_loss": found["train"]["log_loss"]}
    epoch |= {f"validation_{name}": value for name, value in found["validation"].items()}
    speed = job.prepared.split_rows["train"] / seconds
    TrainingResult(
        history=(EpochMetrics(epoch=1, metrics=epoch, seconds=seconds, rows_per_second=speed),),
        best_epoch=1,
        metrics={f"test_{name}": value for name, value in found["test"].items()},
        rows_per_second=speed,
        weights=FileDigest(path=str(path), sha256=digest_file(path)),
        versions=describe_versions(framework),
    ).save(directory.result)
