"""Where images, and recordings, come from, in every format that prepare reads."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from dbx_dl.config.section import Section
from dbx_dl.contracts import Split


class FolderSource(Section):
    """Files below a folder, keyed by their path relative to it.

    `label`: `folder` (the path's first folder), `pattern` (group `label` of the regular expression `pattern`, searched
    in the relative path), or `none`.
    """

    format: Literal["folders"] = "folders"
    path: str = Field(min_length=1)
    label: Literal["folder", "pattern", "none"] = "folder"
    pattern: str | None = None

    @property
    def place(self) -> str:
        """The source as messages name it."""
        return self.path

    @property
    def has_labels(self) -> bool:
        """Whether images have labels from here."""
        return self.label != "none"

    @model_validator(mode="after")
    def _has_pattern(self) -> Self:
        if (self.label == "pattern") != (self.pattern is not None):
            raise ValueError("`label: pattern` and `pattern` go together")
        if self.pattern is not None and "label" not in _compile(self.pattern).groupindex:
            raise ValueError(f"pattern {self.pattern!r} needs a group named label, such as (?P<label>[a-z]+)_")
        return self


class ManifestSource(Section):
    """A CSV, Parquet or JSON-lines file with one row per image: its path, its label, and columns that are kept.

    Paths are relative to `root` (the manifest's own folder where it is not given) and may not leave it unless
    `allow_outside`. `file_format` is found from the file's name where it is not given. `path_column`, `label_column`
    and `split_column` name the columns; a null `label_column` says that there are no labels, a null `split_column` that
    splits come from `split`.
    """

    format: Literal["manifest"] = "manifest"
    path: str = Field(min_length=1)
    root: str | None = None
    file_format: Literal["csv", "parquet", "json"] | None = None
    path_column: str = "path"
    label_column: str | None = "label"
    split_column: str | None = None
    allow_outside: bool = False

    @property
    def place(self) -> str:
        """The source as messages name it."""
        return self.path

    @property
    def has_labels(self) -> bool:
        """Whether images have labels from here."""
        return self.label_column is not None


class IdxPair(Section):
    """An IDX file of images and one of labels, plain or gzipped; rows get the split, where it is given."""

    images: str
    labels: str | None = None
    split: Split | None = None


class IdxSource(Section):
    """IDX files as MNIST ships them; keys are `<file>/<number>`, images are stored as PNG.

    `label_names` are those of the numbers 0, 1, … in the files; without them the numbers are the names.
    """

    format: Literal["idx"] = "idx"
    pairs: tuple[IdxPair, ...] = Field(min_length=1)
    label_names: tuple[str, ...] | None = None

    @property
    def place(self) -> str:
        """The source as messages name it."""
        return ", ".join(pair.images for pair in self.pairs)

    @property
    def has_labels(self) -> bool:
        """Whether images have labels from here."""
        return any(pair.labels is not None for pair in self.pairs)


class CocoSource(Section):
    """A COCO JSON file, as labelling tools export it, and the folder that its `file_name`s are relative to.

    `annotations` is the file, `root` the folder, which no file may leave unless `allow_outside`.
    `labels`: `multiclass` (an image has one category), `multilabel` (its distinct categories), `boxes` (its objects'
    places, up to `max_boxes`, which a network looks for in cells of `cell` x `cell` pixels of the model's image; a
    cell finds one object), `polygons` (which pixels belong to which category). Either way boxes and polygons are kept
    in the column `objects`. They must be of the upright image: the file's sizes are not compared with the images'.
    """

    format: Literal["coco"] = "coco"
    annotations: str
    root: str
    labels: Literal["multiclass", "multilabel", "boxes", "polygons"] = "multilabel"
    cell: int = Field(default=8, gt=0)
    max_boxes: int = Field(default=32, gt=0)
    allow_outside: bool = False

    @property
    def place(self) -> str:
        """The source as messages name it."""
        return self.annotations

    @property
    def has_labels(self) -> bool:
        """Whether images have labels from here."""
        return True


class TableSource(Section):
    """A Delta table or any table or view that Spark knows, with the encoded bytes in a binary column.

    `key_column`, `content_column` (the bytes), `label_column` and `split_column` name its columns; a null
    `label_column` says that there are no labels, a null `split_column` that splits come from `split`.
    """

    format: Literal["table"] = "table"
    table: str = Field(min_length=1)
    key_column: str = "path"
    content_column: str = "content"
    label_column: str | None = "label"
    split_column: str | None = None

    @property
    def place(self) -> str:
        """The source as messages name it."""
        return self.table

    @property
    def has_labels(self) -> bool:
        """Whether images have labels from here."""
        return self.label_column is not None


def _as_folder(value: Any) -> Any:
    if isinstance(value, str):
        return {"format": "folders", "path": value}
    return {"format": "folders", **value} if isinstance(value, dict) else value


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"pattern {pattern!r} is no regular expression: {error}") from None


AudioSource = Annotated[
    FolderSource | ManifestSource | TableSource,
    Field(discriminator="format"),
    BeforeValidator(_as_folder),
]
ImageSource = Annotated[
    FolderSource | ManifestSource | IdxSource | CocoSource | TableSource,
    Field(discriminator="format"),
    BeforeValidator(_as_folder),
]
