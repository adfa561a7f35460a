"""How rows get from a prepared table into training: order, memory, weights, augmentation."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dbx_dl.config.section import Section
from dbx_dl.contracts.secret_texts import hide_secrets, is_secret_name
from dbx_dl.errors import ConfigError

ENV_PREFIX = "env:"
SECRET_PREFIX = "secret:"


class CacheConfig(Section):
    """Where decoded rows are kept from their first use on, at most `max_bytes` of them on each rank for each split.

    `where`: `none`, `memory`, or `disk`, which is a file in the machine's temporary folder, or in `directory`, which
    goes when training ends.
    """

    where: Literal["none", "memory", "disk"] = "none"
    max_bytes: int = Field(default=4 * 2**30, gt=0)
    directory: str | None = None


class AugmentConfig(Section):
    """How training images are changed, drawn anew for every row and epoch, in the order of these fields.

    `flip` mirrors half of the images. `shift` moves them by up to that share of each side, black moving in. `crop` cuts
    a part of at least that share of the area, stretched to the size again. `rotate` turns by up to so many degrees.
    `brightness` multiplies pixels by 1 plus or minus up to that much. `erase` is the probability that a rectangle (2 to
    33 % of the area) becomes the image's mean, after Zhong et al., "Random Erasing Data Augmentation", 2020. Images
    with boxes or masks take flip, brightness and erase alone.
    """

    flip: Literal["none", "horizontal", "vertical", "both"] = "none"
    shift: float = Field(default=0.0, ge=0, lt=1)
    crop: float = Field(default=1.0, gt=0, le=1)
    rotate: float = Field(default=0.0, ge=0, le=180)
    brightness: float = Field(default=0.0, ge=0, le=1)
    erase: float = Field(default=0.0, ge=0, le=1)

    @property
    def is_active(self) -> bool:
        """Whether anything is changed at all."""
        return self != AugmentConfig()


class FeedConfig(Section):
    """How rows are read; the order depends on the seed, `shuffle_window_rows` and, of texts, `length_bucket_steps`.

    Texts of like length go into the same step, among those of `length_bucket_steps` consecutive steps, so that batches
    hold less padding; 1 leaves the order as it is.
    `max_memory_bytes` bounds, on each rank and for each split, blocks of the table and batches read ahead; one row
    group of the table and one batch are held even where they alone are larger. `class_weights` are those of prepare's
    statistics, `sample_weight_column` is a column of numbers of 0 or more. The loss is weighted by both, multiplied;
    metrics of every split are weighted by the sample weights alone, as with Keras' `weighted_metrics` and
    scikit-learn's `sample_weight`, since class weights change what is learned and not what a row is worth. When more
    than `max_bad_fraction` of a rank's rows of an epoch cannot be decoded, training stops; evaluation needs every row.
    `num_threads` decode rows on each rank (without it all cores that the rank has; small tables take one).
    `drop_last` leaves out an epoch's last step where it would not be full. `storage_options` are those of delta-rs for
    object stores; secrets are never written there but as `env:NAME`, a variable of the ranks' environment, or as
    `secret:SCOPE/KEY`, one of Databricks' that the driver reads.
    """

    shuffle_window_rows: int = Field(default=4096, gt=0)
    length_bucket_steps: int = Field(default=32, gt=0)
    drop_last: bool = False
    class_weights: Literal["none", "balanced", "effective_number"] = "none"
    sample_weight_column: str | None = None
    max_bad_fraction: float = Field(default=0.01, ge=0, le=1)
    num_threads: int | None = Field(default=None, gt=0)
    max_memory_bytes: int = Field(default=512 * 2**20, gt=0)
    cache: CacheConfig = CacheConfig()
    augment: AugmentConfig = AugmentConfig()
    storage_options: dict[str, str] = Field(default_factory=dict, repr=False)

    @model_validator(mode="after")
    def _refuse_written_secrets(self) -> Self:
        for name, value in self.storage_options.items():
            is_written = is_secret_name(name) or hide_secrets(value) != value
            if is_written and not value.startswith((ENV_PREFIX, SECRET_PREFIX)):
                # No ValueError: pydantic would show its input, secret and all.
                raise ConfigError(
                    f"feed.storage_options.{name} would write down a secret: give env:NAME, an environment variable "
                    "of the ranks that holds it, or on Databricks secret:SCOPE/KEY"
                )
        return self
