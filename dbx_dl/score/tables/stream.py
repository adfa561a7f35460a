"""New rows of a Delta table or files of a folder, scored into a predictions table as they arrive."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.contracts.secret_texts import hide_secrets
from dbx_dl.errors import ConfigError, DataError, DbxDlError
from dbx_dl.runtime.file_streams import start_batches, stream_files
from dbx_dl.runtime.row_sources import stream_rows
from dbx_dl.runtime.sources import escape_globs, name_files
from dbx_dl.runtime.tables import absolute_path, is_path, pin_table, quote_table
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.tables.change_feed import describe_source, find_last_states, is_feed
from dbx_dl.score.tables.row_keys import key_of
from dbx_dl.score.tables.selection import ChosenRows, find_gone, shape_for_model
from dbx_dl.score.tables.sources import select_rows
from dbx_dl.score.tables.table import find_target, require_other_table
from dbx_dl.score.tables.writing import ScoreJob, commit_predictions, require_free_names
from dbx_dl.score.udf import scorer_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming import StreamingQuery

    from dbx_dl.config import ScoreConfig, TrackingConfig
    from dbx_dl.config.score_rows import StreamConfig
    from dbx_dl.score.model.model_file import ModelFile

logger = logging.getLogger(__name__)

STREAM_FORMATS = ("delta", "images", "audio", "csv", "parquet", "json")
_APP_ID = "dbx_dl.score_stream"
_MAX_ATTEMPTS = 3


def score_stream(spark: SparkSession, config: ScoreConfig, *, tracking: TrackingConfig) -> StreamingQuery:
    """Start a query that scores what is new in `config.source` since its last batch, as `config.stream` says.

    Predictions are merged by key (`write: append` adds them), with the columns of `score_table`; a batch that comes
    again after a failure is written once, by Delta's transaction id. Of a Delta table with a change feed, changed and
    deleted rows are followed too; one without may only grow. Two rows of one key in a batch end the query, with
    nothing of that batch written; a key that comes again in a later batch is taken for the same row: merged, its last
    prediction counts, as no batch knows whether the source still has the earlier row. The model is looked up
    again before every batch, so that an alias that was moved counts from the next one on; where that fails, the last
    model goes on with a warning.

    ConfigError when the source cannot be streamed or `config.stream` is absent or unusable; otherwise errors are those
    of `score_table`, those of a batch end the query (see `await_stream`).
    """
    stream = _require_streamable(config)
    config = config.model_copy(update={"mode": "incremental"})
    target = find_target(spark, config)
    model = fetch_model(config.model, tracking.uri)
    rows = _open_stream(spark, config, stream.checkpoint)
    if config.source_format == "delta":
        require_other_table(pin_table(spark, config.source), target, config)
    scorer = scorer_of(spark, model, options=config.options)
    require_free_names(scorer)
    scorer.check(shape_for_model(select_rows(rows, config), config, scorer), "inputs")
    batches = BatchScorer(config, tracking.uri, stream.checkpoint, model)
    places = config.source, model.name, config.table, scorer.runs_on
    logger.info("scoring what is new in %s with %s into table %s, on %s", *places)
    return start_batches(rows, batches.score, stream.checkpoint, stream.seconds_between)


class BatchScorer:
    """Scores one batch after the other with the newest model that could be had."""

    def __init__(self, config: ScoreConfig, tracking_uri: str, checkpoint: str, model: ModelFile) -> None:
        self._config = config
        self._tracking_uri = tracking_uri
        self._checkpoint = checkpoint
        self._model = model
        self._app_id: str | None = None

    def score(self, batch: DataFrame, number: int) -> None:
        """Score the rows of batch `number` into the table; one that was written already changes nothing."""
        spark = batch.sparkSession
        self._app_id = self._app_id or f"{_APP_ID}.{_read_query_id(spark, self._checkpoint)}"
        self._renew_model()
        for _ in range(_MAX_ATTEMPTS):
            job = self._plan(spark, batch)
            if not commit_predictions(spark, job, (self._app_id, number)).is_lost:
                logger.info("batch %d of %s scored with %s", number, job.origin, self._model.name)
                return
        raise DataError(f"other jobs changed table {self._config.table} each time while batch {number} was written")

    def _renew_model(self) -> None:
        try:
            self._model = fetch_model(self._config.model, self._tracking_uri)
        except Exception as error:  # whatever a registry fails with, the stream goes on
            told = str(error) if isinstance(error, DbxDlError) else f"{type(error).__name__}: {error}"
            reason = hide_secrets(told)
            logger.warning("the last model goes on, %s cannot be looked up: %s", self._config.model, reason)

    def _plan(self, spark: SparkSession, batch: DataFrame) -> ScoreJob:
        config, target = self._config, find_target(spark, self._config)
        scorer = scorer_of(spark, self._model, options=config.options)
        present, gone = batch, None
        if is_feed(batch):
            states = find_last_states(batch, key_of(config))
            present, gone = states.present, find_gone(states, config)
        rows = shape_for_model(select_rows(present, config), config, scorer)
        chosen = ChosenRows(rows, gone, rows, "stream", "new rows of a stream")
        return ScoreJob(config, scorer, config.source, None, chosen, target, is_new=False)


def _require_streamable(config: ScoreConfig) -> StreamConfig:
    if config.stream is None:
        raise ConfigError("a stream needs a place to remember what was scored: set `stream: {checkpoint: <folder>}`")
    if config.source_format not in STREAM_FORMATS:
        formats = ", ".join(STREAM_FORMATS)
        raise ConfigError(f"source format {config.source_format} cannot be streamed, only {formats}: use `score`")
    if config.source_version is not None or config.source_timestamp is not None:
        raise ConfigError("a stream reads what comes: leave out source_version and source_timestamp")
    if config.interactions is not None:
        raise ConfigError("`interactions` take whole histories, which a stream does not know: use `score`")
    if config.series is not None:
        raise ConfigError("`series` takes the last window of each series, which a stream does not know: use `score`")
    if config.write == "replace":
        raise ConfigError("`write: replace` cannot be streamed: use merge or append")
    _require_checkpoint(config, config.stream.checkpoint)
    return config.stream


def _require_checkpoint(config: ScoreConfig, checkpoint: str) -> None:
    """ConfigError unless the folder is new, empty or a query's checkpoint, and outside of source and table."""
    place = absolute_path(checkpoint)
    for name in (config.source, config.table):
        if is_path(name) and (place + "/").startswith(absolute_path(name) + "/"):
            raise ConfigError(f"the checkpoint {checkpoint} lies in {name}: give it a folder of its own")
    folder = Path(place)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / "metadata").exists()):
        raise ConfigError(f"{checkpoint} holds something else than a stream's checkpoint: give it a folder of its own")


def _open_stream(spark: SparkSession, config: ScoreConfig, checkpoint: str) -> DataFrame:
    """The stream of new rows; of a Delta table with a change feed, of changes."""
    source = config.source
    if config.has_files:
        return name_files(stream_files(spark, source, checkpoint), source).select("path", "size_bytes", "content")
    if config.source_format == "delta":
        _, has_feed = describe_source(spark, pin_table(spark, source).name)
        reader = spark.readStream.format("delta").option("readChangeFeed", str(has_feed).lower())
        return reader.load(absolute_path(source)) if is_path(source) else reader.table(quote_table(source))
    return stream_rows(spark, source, config.source_format, config.csv)


def _read_query_id(spark: SparkSession, checkpoint: str) -> str:
    """The id of the query that this checkpoint is of; another checkpoint counts its batches anew."""
    text = spark.read.text(f"{escape_globs(absolute_path(checkpoint))}/metadata").head()
    if text is None:
        raise DataError(f"checkpoint {checkpoint} has no id of its query: its file `metadata` is empty")
    return str(json.loads(text[0])["id"])
