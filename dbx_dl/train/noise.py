"""What an image is made of: a copy of a prepared table's images with an array of random numbers for each."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from math import pi
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.contracts import EmbeddingFeature, FeatureSpec
from dbx_dl.frameworks.architectures import ARCHITECTURES
from dbx_dl.runtime.table_writes import PLAIN_TABLE, replace_table
from dbx_dl.runtime.tables import has_table, pin_table, quote_column, read_pinned

if TYPE_CHECKING:
    from pyspark.sql import Column, SparkSession

    from dbx_dl.config import TrainConfig
    from dbx_dl.contracts import PreparedTable

NOISE = "noise"
_FOLDER = "noise"
# Hashes modulo this become numbers between 0 and 1, both excluded.
_NUM_LEVELS = 2**24
_COPYING = threading.Lock()

logger = logging.getLogger(__name__)


def add_noise(spark: SparkSession, prepared: PreparedTable, config: TrainConfig, directory: Path) -> PreparedTable:
    """The table whose inputs are `noise`, an array of the network's `noise_size` numbers, where images are to be made.

    Others stay as they are. The copy lies in `noise` beside `directory`, so that both frameworks of a run, whose models
    are compared, have the same one. Its numbers are standard normal and depend on a row's key alone.
    """
    size = _find_size(prepared, config)
    if not size:
        return prepared
    weight = config.feed.sample_weight_column
    place = directory.parent / _FOLDER / _name_copy(prepared, size, weight)
    # Trials of a search run in threads and want the same copy.
    with _COPYING:
        if not has_table(spark, str(place)):
            logger.info("Spark copies the images to %s with %d random numbers each", place, size)
            names = [prepared.key_column, prepared.target.column, *([weight] if weight else []), "split"]
            rows = read_pinned(spark, prepared.table).select(*map(quote_column, names))
            made = rows.withColumn(NOISE, _draw(prepared.key_column, size))
            ordered = made.sortWithinPartitions("split", quote_column(prepared.key_column))
            replace_table(ordered, str(place), partitions=("split",), properties=PLAIN_TABLE)
    changes = {"table": pin_table(spark, str(place)), "staged": None}
    return expect_noise(prepared, config).model_copy(update=changes)


def expect_noise(prepared: PreparedTable, config: TrainConfig) -> PreparedTable:
    """The same but for the copy, which is not made: what a training can be checked by beforehand."""
    size = _find_size(prepared, config)
    if not size:
        return prepared
    zeros, ones = (0.0,) * size, (1.0,) * size
    noise = EmbeddingFeature(column=NOISE, size=size, fill=zeros, center=zeros, scale=ones)
    return prepared.model_copy(update={"inputs": FeatureSpec(features=(noise,))})


def _find_size(prepared: PreparedTable, config: TrainConfig) -> int:
    """How many numbers the network makes an image of; 0 where it makes none."""
    architecture = ARCHITECTURES.get(config.network)
    if prepared.target.image is None or architecture is None or "noise_size" not in architecture.options.model_fields:
        return 0
    # Wrong options are told of where the network is checked.
    known = architecture.options.model_fields["noise_size"].default
    size = config.network_options.get("noise_size", known)
    return size if isinstance(size, int) and size > 0 else int(known)


def _name_copy(prepared: PreparedTable, size: int, weight: str | None) -> str:
    table = prepared.table
    digest = hashlib.sha256(json.dumps([table.path, table.version, size, weight]).encode()).hexdigest()
    return f"version_{table.version}_{digest[:12]}"


def _draw(key: str, size: int) -> Column:
    """Standard normal numbers of a row, by hashes of its key (Box and Muller 1958)."""
    from pyspark.sql import functions as F

    def share(number: Column, part: int) -> Column:
        hashed = F.xxhash64(F.col(quote_column(key)), number, F.lit(part))
        return (F.pmod(hashed, F.lit(_NUM_LEVELS)) + F.lit(0.5)) / F.lit(float(_NUM_LEVELS))

    def normal(number: Column) -> Column:
        return F.sqrt(F.lit(-2.0) * F.log(share(number, 0))) * F.cos(F.lit(2 * pi) * share(number, 1))

    return F.transform(F.sequence(F.lit(1), F.lit(size)), normal)
