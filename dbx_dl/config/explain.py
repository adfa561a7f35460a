"""What is explained of a model's predictions, by which method, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from dbx_dl.config.problems import explain_problem
from dbx_dl.config.section import Section
from dbx_dl.errors import ConfigError

MethodName = Literal["occlusion", "shapley", "leave_out", "integrated_gradients", "grad_cam"]


class OcclusionOptions(Section):
    """Patches that cover an image: `patch` pixels wide, `stride` pixels apart, of the shade `fill` (0 to 255).

    Without `patch` it is an eighth of the image's shorter side, but 3 pixels at least, without `stride` half a patch.
    """

    patch: int | None = Field(default=None, gt=0)
    stride: int | None = Field(default=None, gt=0)
    fill: int = Field(default=127, ge=0, le=255)


class ShapleyOptions(Section):
    """Sampled Shapley values: the least number of permutations a row, and the background rows that others come from.

    These are `num_permutations` and `num_background`. Half the permutations are the others backwards. Every background
    row has equally many, so that there may be more.
    """

    num_permutations: int = Field(default=128, ge=2)
    num_background: int = Field(default=32, gt=0)


class GradientOptions(Section):
    """Integrated gradients: points on the way from a baseline, doubled up to `max_steps` where more are needed.

    There are `num_steps` at first.
    They are where what is left unexplained is above `tolerance` times the difference of both scores. `baseline` is the
    shade of images; of a table it is the mean of numbers and no category, of a text a text without meaning. `layer` is
    the one that Grad-CAM looks at, without it the last convolution with its activation (of a network of your own, the
    convolution itself).
    """

    num_steps: int = Field(default=32, gt=0, le=1024)
    max_steps: int = Field(default=512, gt=0, le=1024)
    tolerance: float = Field(default=0.01, gt=0)
    baseline: Literal["black", "grey", "white"] = "black"
    layer: str | None = None


class ExplainOptions(Section):
    """How single predictions are explained.

    `method`: occlusion (images), shapley (columns), leave_out (tokens of texts, numbers by step) work from any ONNX
    file; integrated_gradients and grad_cam (images) need the network itself, which registered versions hold. Without
    it, the first of these that goes with the model's inputs. `label` is the class, or the name of the number, that is
    explained; without it every row's own class. `top_k` features of each row are told (None: all), the strongest first.
    `seed` decides what is drawn. `own_network` (`package.module:function`) names the function of yours that built the
    model's network: integrated_gradients and grad_cam import and call it, and no other one that a model may name.
    Without it, a run's own `train.network` counts.
    """

    method: MethodName | None = None
    label: str | None = None
    top_k: int | None = Field(default=5, gt=0)
    seed: int = Field(default=0, ge=0)
    own_network: str | None = Field(default=None, pattern=r"^\w+(\.\w+)*:\w+$")
    occlusion: OcclusionOptions = OcclusionOptions()
    shapley: ShapleyOptions = ShapleyOptions()
    gradients: GradientOptions = GradientOptions()


class ImportanceConfig(Section):
    """How much worse `metric` (without it the task's own) is on test rows when a column is shuffled among them.

    `num_repeats` shuffles a column; intervals, which hold with this `confidence`, come from `num_resamples` resamples
    of the rows, at most `max_rows` of which are drawn.
    """

    metric: str | None = None
    num_repeats: int = Field(default=5, gt=0)
    num_resamples: int = Field(default=200, gt=0)
    confidence: float = Field(default=0.95, gt=0, lt=1)
    max_rows: int = Field(default=5000, gt=0)


class DependenceConfig(Section):
    """What the model predicts on average when a column has one value in all of at most `max_rows` test rows.

    `columns`, or without them the `num_columns` most important ones; at `num_points` quantiles of numbers, or for the
    most frequent categories. `num_curves` of the rows are told one by one, too.
    """

    columns: tuple[str, ...] = ()
    num_columns: int = Field(default=6, ge=0)
    num_points: int = Field(default=20, gt=1)
    max_rows: int = Field(default=500, gt=0)
    num_curves: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _names_columns_once(self) -> Self:
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("columns name one twice: keep one of them")
        return self


class ExplainConfig(ExplainOptions):
    """Explain predictions of the rows that `score` takes, with its model, into the Delta table `table`.

    Of the source's rows, within `where` (SQL) if given, at most `max_rows` are drawn by `seed`, the same every time.
    `model` takes the place of `score.model`. `background`: a Delta table whose rows stand for rows in general where a
    feature is taken away; without it the train split of the table that the model learned from, or the source itself
    where that cannot be read. `importance` and `dependence` look at the test split of prepared tables with columns;
    null leaves them out.
    """

    table: str = Field(min_length=1)
    model: str | None = None
    where: str | None = Field(default=None, min_length=1)
    max_rows: int = Field(default=1000, gt=0)
    background: str | None = None
    importance: ImportanceConfig | None = ImportanceConfig()
    dependence: DependenceConfig | None = DependenceConfig()


def parse_explain_options(values: Mapping[str, Any]) -> ExplainOptions:
    """Validate options given as keyword arguments; ConfigError names the option, the value and what is valid."""
    try:
        return ExplainOptions.model_validate(dict(values))
    except ValidationError as error:
        problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
        raise ConfigError(f"options of the explanation: {explain_problem(ExplainOptions, problems[0])}") from None
