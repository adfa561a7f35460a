"""Images explained by covering parts of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import ConfigError
from dbx_dl.explain.explained import ExplainedRows
from dbx_dl.explain.methods.image_occlusion import occlude_images
from dbx_dl.score.inputs.image_binding import ImageBinding, PixelScaling

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.explain.local.opened import OpenedModel
    from dbx_dl.score.model.plan import ScorePlan

# A single pixel of a small image rarely changes anything.
_PATCHES_A_SIDE, _LEAST_PATCH = 8, 3


def find_image(plan: ScorePlan, method: str) -> ImageBinding:
    """The one input of a model of images; ConfigError for any other model."""
    binding = plan.bindings[0]
    if len(plan.bindings) != 1 or not isinstance(binding, ImageBinding):
        taken = ", ".join(plan.columns)
        raise ConfigError(
            f"{method} is for models of images alone, this one takes {taken}: use shapley for columns, leave_out for "
            "texts and series of numbers"
        )
    return binding


def bind_pixels(plan: ScorePlan) -> ScorePlan:
    """The plan that binds images as uint8 pixels (N, H, W, C), whatever the model makes of them."""
    return replace(plan, bindings=(replace(find_image(plan, "occlusion"), scaling=PixelScaling()),))


def explain_pixels(opened: OpenedModel, batch: pa.RecordBatch, rows: Mapping[str, NDArray[Any]]) -> ExplainedRows:
    """Heat maps by occlusion."""
    del batch
    binding, options = find_image(opened.session.plan, "occlusion"), opened.options.occlusion
    pixels_nhwc = rows[binding.input]
    side = min(pixels_nhwc.shape[1:3])
    patch = options.patch or min(side, max(_LEAST_PATCH, side // _PATCHES_A_SIDE))

    def to_inputs(pixels: NDArray[Any]) -> dict[str, NDArray[Any]]:
        return {binding.input: binding.scaling.apply(pixels)}

    places = opened.scorer.choose(to_inputs(pixels_nhwc))
    heat_nhw, scores = occlude_images(
        pixels_nhwc,
        places,
        lambda pixels: opened.scorer(to_inputs(pixels)),
        patch=patch,
        stride=options.stride or max(1, patch // 2),
        fill=options.fill,
    )
    return ExplainedRows(opened.name(places), scores, heat_nhw=heat_nhw, pixels_nhwc=pixels_nhwc)
