"""Search for the best settings of a training: checks, the study, its trials, one SearchResult."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dbx_dl.contracts import PreparedTable, SearchResult, SearchTrial, TrainedModel
from dbx_dl.errors import ConfigError, RankFailedError, SetupError
from dbx_dl.metrics import is_better
from dbx_dl.runtime.slots import count_slots
from dbx_dl.tasks.retargeting import aim
from dbx_dl.train.job import flatten
from dbx_dl.train.launch import check_launch
from dbx_dl.train.noise import expect_noise
from dbx_dl.train.run import check_request, train_network
from dbx_dl.train.search.show import draw_figures
from dbx_dl.train.search.space import create_distributions, list_extremes, list_points
from dbx_dl.train.search.study import FinishedTrial, Proposals
from dbx_dl.train.search.tracked_study import TrackedStudy, open_study
from dbx_dl.train.search.trials import Trials, find_best

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.config import SearchConfig, TrackingConfig, TrainConfig

logger = logging.getLogger(__name__)

# What a training may change without becoming another one.
_NOT_COMPARED = {"launcher", "timeout_seconds"}


def search_network(
    spark: SparkSession,
    prepared: PreparedTable,
    config: TrainConfig,
    search: SearchConfig,
    *,
    framework: str,
    directory: str,
    tracking: TrackingConfig,
) -> SearchResult:
    """Train with settings of the search's space until `num_trials` trials have ended; the best one's model is returned.

    Trials train in `<directory>/trials/0000`, …, and their MLflow runs are children of the study's. The same call goes
    on with a study that was cut off, and does nothing where it is complete. A training that diverges or loses a rank is
    a failed trial. ConfigError, DataError and SetupError, also those of a trial, and RegistryError end the search;
    ConfigError for a study of that name that differs in more than its number of trials. RankFailedError where no trial
    came to its end.
    """
    configs = list_extremes(config, search.space)
    _check_search(spark, prepared, configs, search, framework)
    direction = search.direction or choose_direction(search.metric)
    name = f"{search.study or _name_study(prepared, config)} {framework}"
    tracked = open_study(
        tracking, name, search.metric, describe_identity(prepared, config, search, direction, framework)
    )
    points = list_points(search.space, search.seed) if search.sampler == "grid" else []
    proposals = Proposals(
        name,
        direction,
        search,
        create_distributions(config, search.space),
        max_epochs=max(trial.num_epochs for trial in configs),
        points=points,
    )
    finished = tracked.load_trials()
    proposals.replay(finished)
    trials = Trials(
        search,
        config,
        num_trials=min(search.num_trials, len(points) or search.num_trials),
        direction=direction,
        framework=framework,
        root=Path(directory).absolute() / "trials",
        train=partial(
            train_network, spark, prepared, framework=framework, tracking=tracking, parent_run_id=tracked.run_id
        ),
        proposals=proposals,
        tracked=tracked,
        finished=finished,
    )
    if trials.num_missing <= 0:
        logger.info("[%s] study %s is complete: %d trials", framework, name, len(finished))
        return _summarize(tracked, search.metric, direction, finished, proposals)
    logger.info("[%s] study %s: %d of %d trials to do", framework, name, trials.num_missing, search.num_trials)
    with tracked.writing():
        result = _summarize(tracked, search.metric, direction, trials.run(), proposals)
        tracked.log_result(result, draw_figures(result))
    return result


def choose_direction(metric: str) -> Literal["maximize", "minimize"]:
    """Whether more or less of a metric is better."""
    return "maximize" if is_better(metric, 1.0, 0.0) else "minimize"


def describe_identity(
    prepared: PreparedTable, config: TrainConfig, search: SearchConfig, direction: str, framework: str
) -> dict[str, Any]:
    """What makes two searches the same one, by dotted name: whoever changes it compares trials that do not compare."""
    values = search.model_dump(mode="json", include={"metric", "sampler", "pruner", "warmup_epochs", "seed"})
    values |= {"startup_trials": search.startup_trials, "direction": direction}
    space = {name: json.dumps(dim.model_dump(mode="json", exclude_unset=True)) for name, dim in search.space.items()}
    fixed = flatten(config.model_dump(mode="json", exclude=_NOT_COMPARED))
    return {
        "framework": framework,
        "table": prepared.table.name,
        "table_version": prepared.table.version,
        **{f"search.{name}": value for name, value in values.items()},
        **{f"search.space.{name}": space[name] for name in sorted(space)},
        **{f"train.{name}": value for name, value in fixed.items() if name not in space},
    }


def _check_search(
    spark: SparkSession, prepared: PreparedTable, configs: Sequence[TrainConfig], search: SearchConfig, framework: str
) -> None:
    for config in configs:
        retargeted = aim(prepared, config)
        check_request(expect_noise(retargeted, config), config, framework)
    config, split = configs[0], search.metric.partition("_")[0]
    if prepared.split_rows.get("validation", 0) == 0 and split == "validation":
        raise ConfigError(
            f"search.metric is {search.metric}, but table {prepared.table.name} has no rows in its validation split: "
            "prepare some, or search for train_loss"
        )
    check_launch(spark, config)
    if search.num_parallel == 1:
        return
    if config.launcher == "in_process":
        _require_cores(search.num_parallel, os.cpu_count() or 1)
        return
    if config.launcher == "horovod_spark":
        raise ConfigError("launcher horovod_spark runs one training at a time: set search.num_parallel to 1")
    num_slots, num_needed = count_slots(spark), search.num_parallel * config.num_ranks
    if num_needed > num_slots:
        raise SetupError(
            f"{search.num_parallel} trials at once on {config.num_ranks} ranks each need {num_needed} slots, Spark has "
            f"{num_slots}: set search.num_parallel to at most {num_slots // config.num_ranks}"
        )


def _require_cores(num_parallel: int, num_cores: int) -> None:
    if num_parallel > num_cores:
        raise ConfigError(
            f"{num_parallel} trials at once with launcher in_process need as many cores of this machine, which has "
            f"{num_cores}: set search.num_parallel to at most {num_cores}, or train.launcher to spark"
        )


def _name_study(prepared: PreparedTable, config: TrainConfig) -> str:
    return f"{Path(prepared.table.name).name} {config.network}".replace("'", "_")


def _summarize(
    tracked: TrackedStudy,
    metric: str,
    direction: Literal["maximize", "minimize"],
    finished: Sequence[FinishedTrial],
    proposals: Proposals,
) -> SearchResult:
    trials = tuple(record.trial for record in finished)
    best = find_best(trials, direction)
    if best is None or best.value is None:
        raise RankFailedError(_describe_failure(tracked.name, trials))
    return SearchResult(
        study=tracked.name,
        run_id=tracked.run_id,
        metric=metric,
        direction=direction,
        best_number=best.number,
        best_values=best.values,
        best_value=best.value,
        num_trials=dict(Counter(trial.state for trial in trials)),
        trials=trials,
        importances=proposals.rate_importances(),
        best=TrainedModel.load(Path(best.directory) / "trained.json"),
    )


def _describe_failure(name: str, trials: Sequence[SearchTrial]) -> str:
    reasons = [f"trial {trial.number}: {trial.reason}" for trial in trials if trial.reason]
    first = f"; {reasons[0]}" if reasons else ""
    return f"none of the {len(trials)} trials of study {name!r} came to its end{first}"
