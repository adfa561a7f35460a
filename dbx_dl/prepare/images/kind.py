"""What preparing files asks of their kind, answered for images; for recordings in `recordings.kind`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from dbx_dl.config import PrepareImagesConfig
from dbx_dl.contracts import ImageSpec
from dbx_dl.prepare.images.checks import CheckSettings
from dbx_dl.prepare.images.columns import COLUMNS
from dbx_dl.prepare.images.distributions import distribute_images
from dbx_dl.prepare.images.statistics import measure_images, pixel_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame

    from dbx_dl.contracts import Distributions, FileSpec, PreparedTable, TableStatistics, Target
    from dbx_dl.prepare.images.checks import FileCheck
    from dbx_dl.prepare.outcomes import Outcome


class FileKind(Protocol):
    """Images or recordings; `config` is their section of a run.

    A table has `columns`, of which `measures` are what statistics are made of.
    """

    @property
    def noun(self) -> str: ...
    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def measures(self) -> Sequence[str]: ...

    def make_spec(self, config: Any) -> FileSpec:
        """How a model reads the stored bytes."""

    def make_check(self, config: Any) -> FileCheck:
        """What is usable, and how it is stored."""

    def list_settings(self, config: Any) -> dict[str, Any]:
        """What has to stay the same from one prepare of a table to the next."""

    def list_sums(self, config: Any) -> dict[str, Column]:
        """What has to be summed over rows for `measure`."""

    def measure(self, config: Any, outcome: Outcome, num_duplicates: int) -> TableStatistics:
        """Statistics from an outcome with these sums."""

    def distribute(self, config: Any, train: DataFrame, earlier: PreparedTable | None) -> Distributions | None:
        """How good rows of the train split, without content, are distributed; None for a kind that is not watched."""

    def aim(self, config: Any, target: Target) -> Target:
        """The target with what depends on the files' kind."""


class ImageKind:
    """Images; see `FileKind`."""

    noun = "image"
    columns = COLUMNS
    measures = ("pixel_means", "pixel_deviations", "height", "width", "size_bytes", "format")

    def make_spec(self, config: PrepareImagesConfig) -> ImageSpec:
        """An image that was fitted is padded."""
        resize = {"none": "fill", "fit": "pad"}.get(config.resize, config.resize)
        return ImageSpec.model_validate(
            {
                "height": config.height,
                "width": config.width,
                "channels": config.channels,
                "resize": resize,
                "max_pixels": config.max_pixels,
                "min_side": config.min_side,
            }
        )

    def make_check(self, config: PrepareImagesConfig) -> CheckSettings:
        """Images that are resized are encoded anew, as PNG where nothing is said."""
        resize = None if config.resize == "none" else config.resize
        encoding = config.encoding or ("png" if resize else "original")
        return CheckSettings(
            spec=self.make_spec(config),
            max_file_bytes=config.max_file_bytes,
            resize=resize,
            encoding=None if encoding == "original" else encoding,
        )

    def list_settings(self, config: PrepareImagesConfig) -> dict[str, Any]:
        """Of annotated shapes also what they are learned as."""
        names = {
            "height", "width", "channels", "resize", "encoding", "min_side", "max_pixels", "max_file_bytes", "split",
            "task", "label_text",
        }  # fmt: skip
        found = {"kind": "images", **config.model_dump(mode="json", include=names)}
        learned = config.shapes
        if learned is None:
            return found | {"labels": None, "cell": None, "max_boxes": None}
        return found | {"labels": learned.shapes, "cell": learned.cell, "max_boxes": learned.max_boxes}

    def list_sums(self, config: PrepareImagesConfig) -> dict[str, Column]:
        """Those of pixels."""
        return pixel_sums(config.channels)

    def measure(self, config: PrepareImagesConfig, outcome: Outcome, num_duplicates: int) -> TableStatistics:
        """Means and deviations of channels."""
        return measure_images(outcome, config.channels, num_duplicates)

    def distribute(self, config: PrepareImagesConfig, train: DataFrame, earlier: PreparedTable | None) -> Distributions:
        """Their light, sharpness, size and format."""
        is_encoded = self.make_check(config).encoding is not None
        return distribute_images(train, self.make_spec(config), earlier, is_encoded=is_encoded)

    def aim(self, config: PrepareImagesConfig, target: Target) -> Target:
        """Boxes and masks have a grid."""
        learned = config.shapes
        if target.task == "segmentation":
            return target.model_copy(update={"grid": (config.height, config.width)})
        if target.task != "boxes" or learned is None:
            return target
        grid = (config.height // learned.cell, config.width // learned.cell)
        return target.model_copy(update={"grid": grid, "max_boxes": learned.max_boxes})


IMAGES = ImageKind()
