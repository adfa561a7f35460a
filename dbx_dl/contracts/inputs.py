"""What a model takes and what it predicts: specs of images, recordings and raw columns, and of the target."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dbx_dl.contracts.contract import Contract
from dbx_dl.contracts.files import FileSpec, ImageSpec
from dbx_dl.contracts.flat_row import FlatRow
from dbx_dl.contracts.histories import HistoryFeature, HistorySpec, IdFeature, Ranking
from dbx_dl.contracts.steps import StepsFeature, StepsSpec

DatetimePart = Literal["month", "day_of_month", "day_of_week", "hour", "minute"]
TaskName = Literal[
    "binary",
    "multiclass",
    "multilabel",
    "frames",
    "sequence",
    "regression",
    "count",
    "quantiles",
    "gaussian",
    "negative_binomial",
    "reconstruction",
    "clustering",
    "generation",
    "boxes",
    "segmentation",
    "recommendation",
    "none",
]


class NumericFeature(Contract):
    """A float64 column; null, NaN and infinities become `fill`, and what is encoded is computed in this order.

    Clip to [lower, upper] where given, sign(x) * log(1 + |x|) with `log1p`, then (x - center) / scale. With
    `add_indicator` a second encoded column is 1 where the value was null, NaN or infinite, else 0. `is_boolean` says
    that raw text in the place of numbers is true or false (yes, no, 1, 0), which become 1 and 0.
    """

    kind: Literal["numeric"] = "numeric"
    column: str
    is_boolean: bool = False
    fill: float
    lower: float | None = None
    upper: float | None = None
    log1p: bool = False
    center: float
    scale: float = Field(gt=0)
    add_indicator: bool = False

    @property
    def num_encoded(self) -> int:
        """Width of the encoded column."""
        return 1 + self.add_indicator


class CategoricalFeature(Contract):
    """A string column, one-hot encoded: slot 0 holds null, empty and unknown values, slot i `categories[i - 1]`."""

    kind: Literal["categorical"] = "categorical"
    column: str
    categories: tuple[str, ...]

    @property
    def num_encoded(self) -> int:
        """Width of the encoded column."""
        return len(self.categories) + 1


class HashedFeature(Contract):
    """A string column of many values, one-hot encoded: slot 0 holds null and empty, slot 1 + hash % num_buckets others.

    The hash is MurmurHash3 (x86, 32 bit, unsigned, seed 0) of the UTF-8 bytes, an operator of ONNX Runtime only
    (`com.microsoft`).
    """

    kind: Literal["hashed"] = "hashed"
    column: str
    num_buckets: int = Field(gt=0)

    @property
    def num_encoded(self) -> int:
        """Width of the encoded column."""
        return self.num_buckets + 1


class DatetimeFeature(Contract):
    """A timestamp, which enters a graph as int64 microseconds UTC and a boolean input `<column>_is_null`.

    Every part becomes its sine and cosine on its cycle (hours of 24, weekdays of 7, Monday first, …); with `elapsed`
    a further column is (seconds since 1970 - center) / scale, with `add_indicator` one that is 1 for null. Null
    becomes `fill` microseconds.
    """

    kind: Literal["datetime"] = "datetime"
    column: str
    fill: int
    parts: tuple[DatetimePart, ...]
    elapsed: bool = False
    center: float = 0.0
    scale: float = Field(default=1.0, gt=0)
    add_indicator: bool = False

    @property
    def num_encoded(self) -> int:
        """Width of the encoded column."""
        return 2 * len(self.parts) + self.elapsed + self.add_indicator


class EmbeddingFeature(Contract):
    """An array of `size` numbers, a graph input of shape (N, size).

    Numbers that are null, NaN or infinite (all of a null array) become those of `fill`; then (x - center) / scale.
    """

    kind: Literal["embedding"] = "embedding"
    column: str
    size: int = Field(gt=0)
    fill: tuple[float, ...]
    center: tuple[float, ...]
    scale: tuple[Annotated[float, Field(gt=0)], ...]

    @property
    def num_encoded(self) -> int:
        """Width of the encoded column."""
        return self.size


Feature = Annotated[
    NumericFeature | CategoricalFeature | HashedFeature | DatetimeFeature | EmbeddingFeature,
    Field(discriminator="kind"),
]


class FeatureSpec(FlatRow):
    """The fitted encoding of a table's raw columns into float32 features of shape (N, num_encoded)."""

    kind: Literal["table"] = "table"
    features: tuple[Feature, ...]

    @property
    def num_encoded(self) -> int:
        """Width of the encoded row."""
        return sum(feature.num_encoded for feature in self.features)

    @property
    def columns(self) -> tuple[str, ...]:
        """Raw column names, in the order of the model's inputs."""
        return tuple(feature.column for feature in self.features)

    @property
    def row_dtype(self) -> str:
        """Element type of it."""
        return "float32"


class TextFeature(Contract):
    """A string column of sentences, which become the ids of their first `max_length` tokens.

    Tokens are what `pattern` (RE2 syntax) finds from left to right, with `lowercase` in lower case. Id 0 is padding
    behind the last token, 1 a token that is not in the vocabulary, 2 + i is `vocabulary[i]`. Null is an empty text.
    """

    kind: Literal["text"] = "text"
    column: str
    pattern: str
    lowercase: bool = True
    max_length: int = Field(gt=0)
    vocabulary: tuple[str, ...]

    @property
    def num_encoded(self) -> int:
        """Ids of a row."""
        return self.max_length

    @property
    def num_tokens(self) -> int:
        """How many different ids there are, padding included."""
        return len(self.vocabulary) + 2


class TextSpec(FlatRow):
    """The fitted encoding of one column of sentences into int32 token ids of shape (N, max_length)."""

    kind: Literal["text"] = "text"
    text: TextFeature

    @property
    def features(self) -> tuple[TextFeature, ...]:
        """The column, as the columns of a FeatureSpec are listed."""
        return (self.text,)

    @property
    def num_encoded(self) -> int:
        """Ids of a row."""
        return self.text.num_encoded

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw column's name."""
        return (self.text.column,)

    @property
    def row_dtype(self) -> str:
        """Element type of it."""
        return "int32"


AnyFeature = Feature | TextFeature | IdFeature | HistoryFeature | StepsFeature


class TextAndColumnsSpec(FlatRow):
    """The fitted encoding of a column of sentences and of other columns into one float32 row.

    Shape (N, max_length + K): the ids of the text's tokens, which float32 holds exactly, and behind them the K encoded
    features.
    """

    kind: Literal["text_and_columns"] = "text_and_columns"
    text: TextFeature
    table: FeatureSpec

    @property
    def features(self) -> tuple[AnyFeature, ...]:
        """The text and then the other columns."""
        return (self.text, *self.table.features)

    @property
    def num_encoded(self) -> int:
        """Ids and features of a row."""
        return self.text.num_encoded + self.table.num_encoded

    @property
    def columns(self) -> tuple[str, ...]:
        """Raw column names, in the order of the model's inputs."""
        return (self.text.column, *self.table.columns)

    @property
    def row_dtype(self) -> str:
        """Element type of it."""
        return "float32"


# What raw columns are encoded by, as opposed to files.
ColumnsSpec = FeatureSpec | TextSpec | TextAndColumnsSpec | HistorySpec | StepsSpec
InputSpec = Annotated[FileSpec | ColumnsSpec, Field(discriminator="kind")]


def find_text(spec: InputSpec) -> TextFeature | None:
    """The text among the inputs, if there is one."""
    return spec.text if isinstance(spec, TextSpec | TextAndColumnsSpec) else None


class Target(Contract):
    """What is learned.

    Classes: `label_index` in the table is the position of the label in `label_names`. Multi-label: `label` and
    `label_index` are arrays. Numbers: `label` is a double, there are no names. Frames: `label` and `label_index` are
    arrays of one label for each of up to `num_frames` steps. Boxes: `label_boxes` holds at most `max_boxes` an image,
    and a network looks for them in `grid` (rows, columns) cells. Segmentation: `label_polygons` are painted on `grid`
    pixels; 0 is background, the label of number i is i + 1. Generation: `image` says what encoded bytes in `column`
    become. Sequence: `label` is a text, which `text` cuts into tokens and `joiner` joins again. Recommendation:
    labels are the items, `ranking` says how they are recommended. Clustering: `num_clusters` are looked for, and
    compared with classes where there are `label_names`. None: no label. `quantiles` are the levels that the task of
    that name predicts.
    """

    task: TaskName = "multiclass"
    column: str
    label_names: tuple[str, ...] = ()
    # Left out where there are none, so that earlier versions read what they know.
    quantiles: tuple[float, ...] = Field(default=(), exclude_if=lambda levels: not levels)
    num_frames: int = Field(default=0, exclude_if=lambda number: not number)
    image: ImageSpec | None = Field(default=None, exclude_if=lambda image: image is None)
    grid: tuple[int, int] | None = Field(default=None, exclude_if=lambda grid: grid is None)
    max_boxes: int = Field(default=0, exclude_if=lambda most: not most)
    text: TextFeature | None = Field(default=None, exclude_if=lambda text: text is None)
    joiner: str = Field(default=" ", exclude_if=lambda joiner: joiner == " ")
    ranking: Ranking | None = Field(default=None, exclude_if=lambda ranking: ranking is None)
    num_clusters: int = Field(default=0, exclude_if=lambda number: not number)

    @property
    def num_entries(self) -> int:
        """Numbers of an image that is to be made."""
        return 0 if self.image is None else self.image.height * self.image.width * self.image.channels

    @property
    def is_classification(self) -> bool:
        """Whether a row belongs to exactly one of `label_names`."""
        return self.task in ("binary", "multiclass")
