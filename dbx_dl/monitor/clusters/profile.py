"""Tell what a model's clusters are like: tables and pictures in the run's directory and in its MLflow run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.contracts import ClusterProfiles, FileSpec
from dbx_dl.errors import ConfigError, DbxDlError
from dbx_dl.monitor.clusters.contrasts import contrast_clusters
from dbx_dl.monitor.clusters.counting import count_clusters
from dbx_dl.monitor.clusters.sampling import SampledRows, sample_rows
from dbx_dl.monitor.clusters.tables import EXAMPLES, MAP, PROFILES, to_csv, to_markdown
from dbx_dl.runtime.tracking import explain_failure, open_client, quiet_mlflow, short_waits
from dbx_dl.runtime.whole_files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pyspark.sql import SparkSession

    from dbx_dl.config import TrackingConfig
    from dbx_dl.contracts import OnnxModel

_FOLDER = "clusters"

logger = logging.getLogger(__name__)


def profile_clusters(
    spark: SparkSession, model: OnnxModel, *, directory: str, tracking: TrackingConfig
) -> ClusterProfiles:
    """Profiles of the clusters of an exported model over all rows of the table that it was trained on.

    `clusters.json`, `clusters.csv` and `clusters.md` go into `directory`, pictures into its folder `figures`, and all
    of them into the training's MLflow run, which is in `tracking`, or where that cannot be reached a warning into the
    log. ConfigError for a model of another task.
    """
    trained = model.trained
    if trained.prepared.target.task != "clustering":
        raise ConfigError(f"the model is of the task {trained.prepared.target.task}: only clusters have profiles")
    sample = sample_rows(model)
    profiles = _describe(spark, model, sample)
    place = Path(directory)
    profiles.save(place / PROFILES)
    written = [place / PROFILES]
    for name, text in (("clusters.csv", to_csv(profiles)), ("clusters.md", to_markdown(profiles))):
        with write_whole(place / name) as partial:
            partial.write_text(text, encoding="utf-8")
        written.append(place / name)
    written += _draw(model, sample, place / "figures")
    _log_files(trained.run_id, profiles, written, tracking)
    return profiles


def _describe(spark: SparkSession, model: OnnxModel, sample: SampledRows) -> ClusterProfiles:
    trained = model.trained
    num_clusters = trained.prepared.target.num_clusters
    counted = count_clusters(spark, model)
    silhouettes, by_cluster = sample.measure_silhouettes(num_clusters)
    return ClusterProfiles(
        framework=trained.framework,
        network=trained.network,
        model_sha256=model.file.sha256,
        table=trained.prepared.table,
        num_rows=sum(counted.sizes),
        sizes=counted.sizes,
        classes=counted.classes,
        numbers=counted.numbers,
        values=counted.values,
        pairs=contrast_clusters(counted.sizes, counted.numbers, counted.values),
        split=sample.split,
        num_sampled=len(sample.keys),
        silhouettes=silhouettes,
        silhouette_by_cluster=by_cluster,
        nearest=sample.list_nearest(num_clusters),
    )


def _draw(model: OnnxModel, sample: SampledRows, folder: Path) -> list[Path]:
    """A map of the sampled rows, and of images those nearest to each centre; none without matplotlib."""
    try:
        from dbx_dl import figures

        points, share = sample.project()
        drawn: dict[str, Figure] = {MAP: figures.cluster_map(points, sample.clusters, share)}
    except ImportError as error:
        logger.warning("no pictures of clusters are drawn: %s; pip install 'dbx_dl[report]'", error)
        return []
    prepared = model.trained.prepared
    if isinstance(prepared.inputs, FileSpec):
        from dbx_dl.feed.rows import read_rows
        from dbx_dl.transforms.pictures import draw_file

        nearest = sample.list_nearest(prepared.target.num_clusters)
        rows = read_rows(prepared, sample.split, keys=[key for keys in nearest for key in keys])
        names = map(str, rows.column(prepared.key_column).to_pylist())
        contents = dict(zip(names, rows.column(prepared.inputs.column).to_pylist(), strict=True))
        images = {
            f"cluster {cluster}": [draw_file(contents[key], prepared.inputs) for key in keys]
            for cluster, keys in enumerate(nearest)
        }
        drawn[EXAMPLES] = figures.class_samples(images, ())
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in drawn.items():
        figure.savefig(folder / name)
    return [folder / name for name in drawn]


def _log_files(run_id: str, profiles: ClusterProfiles, paths: list[Path], tracking: TrackingConfig) -> None:
    try:
        client = open_client(tracking.uri)
        with quiet_mlflow(), short_waits():
            for path in paths:
                client.log_artifact(run_id, str(path), _FOLDER)
            for space, value in profiles.silhouettes.items():
                client.log_metric(run_id, f"{profiles.split}_silhouette_of_{space}", value)
    except DbxDlError as error:
        logger.warning("MLflow was not told what clusters are like: %s", error)
    except Exception as error:
        logger.warning("MLflow was not told what clusters are like: %s", explain_failure(error))
