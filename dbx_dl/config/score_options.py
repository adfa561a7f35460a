"""How a model's inputs are bound, what its predictions hold, and how it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from dbx_dl.config.problems import explain_problem
from dbx_dl.config.section import Section
from dbx_dl.errors import ConfigError

ProviderName = Literal["tensorrt", "cuda", "cpu"]
# What says how a model runs or which fields are kept, and changes none of their values.
_NOT_DECIDING = {
    "fields", "batch_rows", "batch_bytes", "num_threads", "providers", "gpu_memory_bytes", "max_error_fraction",
    "model_folder",
}  # fmt: skip


class ImageOptions(Section):
    """How a binary column of encoded images becomes the pixels of an ONNX file that dbx_dl did not write.

    `input` names the file's input (where it has several), `column` the column that it takes. `height`, `width`,
    `channels` and `layout` are the input's own where its shape says them; `channel_order` is that of the colours.
    `resize` is as in prepare. Images with a side below `min_side`, or of more than `max_pixels` pixels, are errors. A
    pixel 0…255 becomes (pixel * `scale` - `mean`) / `std`, the last two per channel or one for all; `scale` is 1/255
    for inputs of floats and 1 for integers.
    """

    input: str | None = None
    column: str = "content"
    height: int | None = Field(default=None, gt=0)
    width: int | None = Field(default=None, gt=0)
    channels: Literal[1, 3] | None = None
    layout: Literal["nhwc", "nchw"] | None = None
    channel_order: Literal["rgb", "bgr"] = "rgb"
    scale: float | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    resize: Literal["fill", "crop", "pad"] = "fill"
    min_side: int = Field(default=1, gt=0)
    max_pixels: int = Field(default=50_000_000, gt=0)

    @model_validator(mode="after")
    def _are_usable(self) -> Self:
        if any(len(values) not in (0, 1, 3) for values in (self.mean, self.std)):
            raise ValueError("`mean` and `std` hold one number per channel, or one for all")
        if 0.0 in self.std:
            raise ValueError("`std` divides: it cannot be 0")
        return self


class ScoreOptions(Section):
    """Choices for scoring; without any, a model of dbx_dl gives its task's fields, another file its outputs.

    Inputs: `inputs` maps an input of the model to the column that it takes, or to the columns that make its rows;
    `image` is for files that dbx_dl did not write, as is `missing`: whether a null or NaN is an error of its row or
    goes into the model as NaN.

    Predictions: `fields` keeps only some. `scores` names the output that holds a number per class, `labels` their
    names (a row has several of them with `multilabel`), `activation` makes probabilities of them. `top_k` adds the k
    best labels, `probability_of` the probability of one label, `probabilities: map` puts labels beside the numbers.

    Running: batches have `batch_rows` rows where given, else as many as the first batches show to be fastest, within
    `batch_bytes` of inputs. `num_threads` is spark.task.cpus. The first of `providers` must be there.
    `gpu_memory_bytes` bounds what a worker takes of its card. Workers get the model's file shipped by Spark, or read it
    from `model_folder`, a folder that all machines see (a volume, NFS), where the driver puts it under its SHA-256
    unless it lies there already; either way each checks its SHA-256. A task fails where more than `max_error_fraction`
    of its rows are errors, of whatever kind: inputs that cannot be read, and rows on which the model fails.
    """

    inputs: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    image: ImageOptions | None = None
    missing: Literal["error", "nan"] = "error"
    fields: tuple[str, ...] = ()
    scores: str | None = None
    labels: tuple[str, ...] = ()
    activation: Literal["none", "softmax", "sigmoid"] = "none"
    top_k: int | None = Field(default=None, gt=0)
    probability_of: str | None = None
    multilabel: bool = False
    probabilities: Literal["array", "map"] = "array"
    batch_rows: int | None = Field(default=None, gt=0)
    batch_bytes: int = Field(default=16 * 2**20, gt=0)
    num_threads: int | None = Field(default=None, gt=0)
    providers: tuple[ProviderName, ...] = Field(default=("cpu",), min_length=1)
    gpu_memory_bytes: int | None = Field(default=None, gt=0)
    max_error_fraction: float | None = Field(default=None, ge=0, le=1)
    model_folder: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _are_distinct(self) -> Self:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("`labels` holds a name twice")
        if self.probability_of is not None and self.labels and self.probability_of not in self.labels:
            raise ValueError(f"`probability_of` is {self.probability_of!r}, which is none of `labels`")
        return self

    @property
    def names_classes(self) -> bool:
        """Whether a choice was made that only a classifier can follow."""
        defaults = ScoreOptions.model_fields
        names = ("scores", "labels", "activation", "top_k", "probability_of", "multilabel", "probabilities")
        return any(getattr(self, name) != defaults[name].default for name in names)

    @property
    def deciding(self) -> dict[str, Any]:
        """The choices, as JSON values, that decide what a row's inputs are predicted to be; without defaults."""
        return self.model_dump(mode="json", exclude=_NOT_DECIDING, exclude_defaults=True)


def parse_score_options(values: Mapping[str, Any]) -> ScoreOptions:
    """Validate options given as keyword arguments; ConfigError names the option, the value and what is valid."""
    try:
        return ScoreOptions.model_validate(dict(values))
    except ValidationError as error:
        problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
        raise ConfigError(f"options of the scorer: {explain_problem(ScoreOptions, problems[0])}") from None
