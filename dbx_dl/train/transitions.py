"""A Markov chain in the place of training: transitions counted in Spark become a network's weights."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dbx_dl.config import TrainConfig
from dbx_dl.contracts import CategoricalFeature, FeatureSpec
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.feed.storage import lend_options
from dbx_dl.frameworks.architectures import ARCHITECTURES
from dbx_dl.frameworks.architectures.architecture import read_options
from dbx_dl.frameworks.architectures.markov import MarkovOptions
from dbx_dl.frameworks.requests import network_request
from dbx_dl.runtime.gpus import WITHOUT_GPUS
from dbx_dl.runtime.processes import call_in_process
from dbx_dl.runtime.tables import quote_column, read_pinned

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from dbx_dl.contracts import PreparedTable
    from dbx_dl.train.job import TrainingJob
    from dbx_dl.train.run_directory import RunDirectory

logger = logging.getLogger(__name__)


def is_counted(network: str) -> bool:
    """Whether a network's weights are counted rather than trained."""
    return network in ARCHITECTURES and ARCHITECTURES[network].is_counted


def check_counted(prepared: PreparedTable, config: TrainConfig) -> None:
    """ConfigError for what only trained networks have; errors of `find_state`."""
    find_state(prepared)
    plain = TrainConfig(network=config.network)
    told = f"networks that are trained, not with {config.network!r}: leave"
    for name in ("loss", "calibration", "threshold", "label_smoothing", "freeze", "start"):
        if getattr(config, name) != getattr(plain, name):
            raise ConfigError(f"train.{name} goes with {told} it out")
    if config.feed.class_weights != plain.feed.class_weights:
        raise ConfigError(f"feed.class_weights go with {told} them out")


def find_state(prepared: PreparedTable) -> CategoricalFeature:
    """The column that holds the present state; DataError where a table's rows are no transitions."""
    inputs, target = prepared.inputs, prepared.target
    features = inputs.features if isinstance(inputs, FeatureSpec) else ()
    if len(features) == 1 and isinstance(features[0], CategoricalFeature) and target.is_classification:
        return features[0]
    found = ", ".join(f"{feature.column} ({feature.kind})" for feature in features) or inputs.kind
    raise DataError(
        f"table {prepared.table.name} has the inputs {found} and the task {target.task}: a Markov chain takes rows of "
        "one categorical column, the state, and a label of classes, the next state"
    )


def count_transitions(
    spark: SparkSession, prepared: PreparedTable, weight_column: str | None = None
) -> NDArray[np.float64]:
    """How often each next state (L) follows each state (S, the column's categories) in the train split, (1 + S, L).

    Row 0 is for states that are unknown or null: it counts all. With a `weight_column` weights are added up.
    """
    import numpy as np
    from pyspark.sql import functions as F

    feature = find_state(prepared)
    numbers = {name: row for row, name in enumerate(feature.categories, start=1)}
    counts = np.zeros((1 + len(numbers), len(prepared.target.label_names)))
    weight = F.lit(1.0) if weight_column is None else F.col(quote_column(weight_column)).cast("double")
    train = read_pinned(spark, prepared.table).where("split = 'train'")
    groups = train.groupBy(F.col(quote_column(feature.column)).alias("state"), "label_index")
    for row in groups.agg(F.sum(weight).alias("weight")).collect():
        counts[0, row["label_index"]] += row["weight"]
        if row["state"] in numbers:
            counts[numbers[row["state"]], row["label_index"]] += row["weight"]
    return counts


def smooth_counts(counts_sl: NDArray[np.float64], smoothing: float) -> NDArray[np.float64]:
    """Transition probabilities (S, L) of counts: (count + smoothing) / (sum of the row's + L smoothing).

    Additive smoothing (Lidstone 1920): what was never seen stays possible, and a row without counts is uniform.
    """
    smoothed = counts_sl + smoothing
    probabilities: NDArray[np.float64] = smoothed / smoothed.sum(axis=1, keepdims=True)
    return probabilities


def write_markov_chain(spark: SparkSession, job: TrainingJob, files: RunDirectory) -> None:
    """Count, and write weights, test predictions and result into the run directory as ranks do."""
    import numpy as np

    config = job.config
    request = network_request(job.prepared, config.network, config.network_options, config.seed)
    options = read_options(request, MarkovOptions)
    counts = count_transitions(spark, job.prepared, config.feed.sample_weight_column)
    num_states, num_next = counts.shape[0] - 1, counts.shape[1]
    logger.info("counted %s transitions of %d states to %d", f"{counts[0].sum():,.0f}", num_states, num_next)
    files.root.mkdir(parents=True, exist_ok=True)
    job.save(files.job)
    path = files.root / "transitions.npy"
    np.save(path, smooth_counts(counts, options.smoothing), allow_pickle=False)
    arguments = {"job_path": str(files.job), "matrix_path": str(path)}
    environment = {**WITHOUT_GPUS, **lend_options(job.prepared.storage_options)}
    call_in_process("dbx_dl.train.counted_weights:write_result", arguments, environment=environment)
