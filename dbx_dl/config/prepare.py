"""How raw images, recordings and tables become a Delta table to train on."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from dbx_dl.config.columns import ColumnConfig, StepsColumn
from dbx_dl.config.csv_options import CsvOptions
from dbx_dl.config.image_sources import AudioSource, CocoSource, ImageSource
from dbx_dl.config.interactions import InteractionsConfig
from dbx_dl.config.label_text import LabelText
from dbx_dl.config.labels_source import LabelsSource
from dbx_dl.config.section import NULL_TOKENS, Section
from dbx_dl.config.series import AT, SeriesConfig


class SplitConfig(Section):
    """Fractions of the rows per split, decided by a hash of the row's key unless something else is named.

    `train`, `validation` and `test` sum to 1; another `seed` makes another hash.
    `group`: a hash of that column instead, so that no group is on two sides. `time`: by that column, oldest rows
    first into train. `column`: that column names the split. `stratify`: the fractions hold within each label.
    `files`: all rows of a file that `csv.files` names go to one split; the fractions are of the other rows.
    """

    train: float = Field(default=0.7, gt=0, le=1)
    validation: float = Field(default=0.15, ge=0, lt=1)
    test: float = Field(default=0.15, ge=0, lt=1)
    seed: int = 0
    group: str | None = None
    time: str | None = None
    column: str | None = None
    stratify: bool = False
    files: dict[str, Literal["train", "validation", "test"]] | None = None

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"split fractions must sum to 1, got {total:g}")
        named = [name for name in ("group", "time", "column") if getattr(self, name) is not None]
        if len(named) + self.stratify > 1:
            chosen = [*named, *(["stratify"] if self.stratify else [])]
            raise ValueError(f"{' and '.join(chosen)} exclude each other: name one")
        if self.files and self.column is not None:
            raise ValueError("files and column exclude each other: name one")
        return self


class PrepareSection(Section):
    """What both kinds of prepare share.

    A table that exists is brought up to date: its labels keep their index and its feature spec stays as it was fitted,
    unless `refit`, which starts anew. Versions stay readable for `keep_versions_days`. Files are of about
    `target_file_bytes`, for images chosen from their mean size where it is not given. With `labels` items have the
    labels of another table, and the source's own are not read. More than `max_reject_fraction` of unusable rows or
    files are an error, and nothing is written then.
    """

    table: str = Field(min_length=1)
    labels: LabelsSource | None = None
    max_reject_fraction: float = Field(default=0.5, ge=0, le=1)
    split: SplitConfig = SplitConfig()
    refit: bool = False
    keep_versions_days: int = Field(default=30, gt=0)
    target_file_bytes: int | None = Field(default=None, ge=2**20)


class _WithLabelText(PrepareSection):
    @model_validator(mode="after")
    def _has_labels_to_cut(self) -> Self:
        if getattr(self, "label_text", None) is not None and getattr(self, "task", None) != "sequence":
            raise ValueError("`label_text` goes with `task: sequence`")
        return self


class PrepareFilesSection(_WithLabelText):
    """What images and recordings share.

    Files of more than `max_file_bytes` are rejected. `duplicates` are files of equal bytes: the first by key stays.
    Rows whose file is gone stay unless `delete_removed`. With `task: sequence` a label is a text that is to be written,
    cut into tokens as `label_text` says.
    """

    source: ImageSource
    max_file_bytes: int = Field(default=256 * 2**20, gt=0)
    duplicates: Literal["keep", "drop", "report"] = "keep"
    task: Literal["sequence"] | None = None
    label_text: LabelText | None = None
    delete_removed: bool = False

    @model_validator(mode="after")
    def _has_labels_once(self) -> Self:
        if self.labels is not None and self.source.has_labels:
            raise ValueError(
                f"`labels` names a table, and the source of format {self.source.format} has labels too: set its "
                "`label: none`, or `label_column: null`; a COCO source has no place for others"
            )
        return self

    @model_validator(mode="after")
    def _names_no_csv(self) -> Self:
        if self.split.files:
            raise ValueError("`split.files` is for tables: images name their split in the source")
        return self


class LearnedShapes(NamedTuple):
    """Boxes or polygons that a network learns, and the section that says so (`place`)."""

    shapes: str
    cell: int
    max_boxes: int
    place: str


class PrepareImagesConfig(PrepareFilesSection):
    """Images into a Delta table of checked bytes and labels.

    `source` is a folder of class folders (`source/<label>/<file>`), or a section with a `format`. With `resize` other
    than `none` images are stored at the model's size: `fit` within it, `fill` (stretched), `crop` (covered and cut) or
    `pad` (fit and padded), encoded as `encoding`.

    `height` and `width`, in pixels, and `channels` (1 grey, 3 colours) are those of the image that a model takes. An
    image with a side below `min_side`, or of more than `max_pixels` pixels in all, is rejected before it is decoded.
    """

    kind: Literal["images"] = "images"
    height: int = Field(gt=0)
    width: int = Field(gt=0)
    channels: Literal[1, 3] = 3
    resize: Literal["none", "fit", "fill", "crop", "pad"] = "none"
    encoding: Literal["original", "png", "jpeg"] | None = None
    min_side: int = Field(default=2, gt=0)
    max_pixels: int = Field(default=50_000_000, gt=0)

    @model_validator(mode="after")
    def _is_encodable(self) -> Self:
        if self.resize != "none" and self.encoding == "original":
            raise ValueError("resized images need `encoding: png` or `jpeg`")
        return self

    @model_validator(mode="after")
    def _has_whole_cells(self) -> Self:
        learned = self.shapes
        if learned is None or learned.shapes != "boxes":
            return self
        if self.height % learned.cell or self.width % learned.cell:
            raise ValueError(
                f"images of {self.height}x{self.width} pixels are no whole cells of {learned.cell}x{learned.cell}: "
                f"change the size or {learned.place}.cell"
            )
        return self

    @property
    def shapes(self) -> LearnedShapes | None:
        """What of annotated shapes is learned, if anything."""
        if self.labels is not None:
            found = self.labels
            return None if found.shapes is None else LearnedShapes(found.shapes, found.cell, found.max_boxes, "labels")
        source = self.source
        if not isinstance(source, CocoSource) or source.labels not in ("boxes", "polygons"):
            return None
        return LearnedShapes(source.labels, source.cell, source.max_boxes, "source")


class PrepareAudioConfig(PrepareFilesSection):
    """Recordings (WAV, FLAC) into a Delta table of checked bytes and labels.

    `source` is as for images, of the formats folders, manifest and table. A model takes the first `seconds` of a
    recording at `sample_rate`, of one channel; what is shorter ends in silence.
    """

    kind: Literal["audio"] = "audio"
    source: AudioSource
    seconds: float = Field(gt=0)
    sample_rate: int = Field(default=16_000, ge=1000, le=192_000)

    @model_validator(mode="after")
    def _hears_no_shapes(self) -> Self:
        if self.labels is not None and self.labels.shapes is not None:
            raise ValueError("`labels.shapes` are of images: leave it out")
        return self

    @model_validator(mode="after")
    def _has_samples(self) -> Self:
        if self.num_samples < 1:
            raise ValueError(f"{self.seconds:g} seconds of {self.sample_rate} samples each hold no sample")
        return self

    @property
    def num_samples(self) -> int:
        """Samples that a model takes."""
        return round(self.seconds * self.sample_rate)


class PrepareTableConfig(_WithLabelText):
    """Rows with a key and a label into a typed Delta table with a fitted feature spec.

    `source`: a CSV, Parquet or JSON-lines file or folder, a Delta table, or with `source_format: query` a SQL query.
    Column kinds are inferred from the data unless `columns` declares them; `write_spec` names a YAML file for what was
    found, to be corrected and used as `columns`. `task` is inferred from the label where it is not given;
    `label_separator` splits text into several labels, `label_suffix` is cut off the end of a label that has it. With
    `task: sequence` the label is a text that is to be written, cut into tokens as `label_text` says. Beside a column
    that is declared as text only those are features that are declared too. With `series` the source holds observations,
    windows of which become the rows; `key` names the column of their keys. With `interactions` it holds what users
    chose, and `label` is the item. With `labels` the column `label` is what they become. Texts that are one of
    `null_tokens` are nulls. A categorical column keeps `max_categories` values, unless it says so itself.
    """

    kind: Literal["table"] = "table"
    source: str = Field(min_length=1)
    source_format: Literal["csv", "parquet", "json", "delta", "query"] = "csv"
    csv: CsvOptions = CsvOptions()
    series: SeriesConfig | None = None
    interactions: InteractionsConfig | None = None
    key: str
    label: str
    task: Literal["binary", "multiclass", "multilabel", "frames", "sequence", "regression", "count"] | None = None
    label_text: LabelText | None = None
    label_separator: str | None = Field(default=None, min_length=1)
    label_suffix: str | None = Field(default=None, min_length=1)
    columns: dict[str, ColumnConfig] | None = None
    null_tokens: tuple[str, ...] = NULL_TOKENS
    max_categories: int = Field(default=256, gt=0)
    write_spec: str | None = None

    @model_validator(mode="after")
    def _takes_labels_as_they_are(self) -> Self:
        if self.labels is None:
            return self
        if self.labels.shapes is not None:
            raise ValueError("`labels.shapes` are of images: leave it out")
        for name in ("series", "interactions", "label_separator", "label_suffix"):
            if getattr(self, name) is not None:
                raise ValueError(f"`labels` are of rows, as they are: leave out `{name}`")
        return self

    @model_validator(mode="after")
    def _forecasts_its_label(self) -> Self:
        if self.series is not None and self.label != self.series.value:
            raise ValueError(f"label {self.label!r} must be `series.value`, {self.series.value!r}: it is forecast")
        return self

    @model_validator(mode="after")
    def _keeps_windows_apart(self) -> Self:
        if self.series is None:
            return self
        self.series.require_new(self.key)
        split = self.split
        if split.files:
            raise ValueError("`split.files` goes with rows, not with windows of `series`: set `split: {time: at}`")
        if split.time != AT and split.column is None and split.group not in self.series.by:
            raise ValueError(
                "windows of a series overlap, so that training would see the test split's labels: set `split: {time: "
                "at}`, or as `group` a column of `series.by`"
            )
        return self

    @model_validator(mode="after")
    def _recommends_its_label(self) -> Self:
        if self.interactions is None:
            return self
        if self.label != self.interactions.item:
            raise ValueError(f"label {self.label!r} must be `interactions.item`, {self.interactions.item!r}")
        self.interactions.require_new(self.key)
        names = (
            "series",
            "task",
            "columns",
            "max_categories",
            "label_separator",
            "label_suffix",
            "write_spec",
            "split",
        )
        for name in names:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"`interactions` say themselves what `{name}` is for: leave it out")
        return self

    @model_validator(mode="after")
    def _names_its_files(self) -> Self:
        read = self.csv.files if self.source_format == "csv" else ()
        for name in self.split.files or {}:
            if name not in read:
                raise ValueError(f"`split.files` has {name!r}, which is none of `csv.files`: {', '.join(read) or '-'}")
        return self

    @model_validator(mode="after")
    def _has_one_text(self) -> Self:
        kinds = {name: column.kind for name, column in (self.columns or {}).items() if column.kind != "ignore"}
        texts = [name for name, kind in kinds.items() if kind == "text"]
        if len(texts) > 1:
            others = ", ".join(texts[1:])
            raise ValueError(f"column {texts[0]!r} is a text, and a table has one text at most: ignore {others}")
        if self.task in ("frames", "sequence") and texts and len(kinds) > 1:
            others = ", ".join(name for name in kinds if name != texts[0])
            raise ValueError(f"`task: {self.task}` reads the text {texts[0]!r} alone: ignore {others}")
        return self

    @model_validator(mode="after")
    def _has_steps_alone(self) -> Self:
        columns = {name: column for name, column in (self.columns or {}).items() if column.kind != "ignore"}
        steps = {name: column for name, column in columns.items() if isinstance(column, StepsColumn)}
        others = [name for name in columns if name not in steps]
        if steps and others:
            raise ValueError(f"column {next(iter(steps))!r} has numbers by step: ignore others, {', '.join(others)}")
        if len({column.max_steps for column in steps.values() if column.max_steps is not None}) > 1:
            raise ValueError("`max_steps` is one number for all columns of a table")
        return self


PrepareConfig = Annotated[PrepareImagesConfig | PrepareAudioConfig | PrepareTableConfig, Field(discriminator="kind")]
