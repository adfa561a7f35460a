"""The input of an ONNX file that takes images: its size and layout, from its shape or the options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import ImageSpec
from dbx_dl.errors import ConfigError
from dbx_dl.score.inputs.image_binding import ImageBinding, Layout, PixelScaling

if TYPE_CHECKING:
    from dbx_dl.config.score_options import ImageOptions
    from dbx_dl.score.model.description import TensorFacts

Sizes = dict[str, int | None]
_CHANNELS = (1, 3)


def bind_image(facts: TensorFacts, options: ImageOptions) -> ImageBinding:
    """How images become this input; ConfigError when shape and options do not say it, or contradict each other."""
    layout, sizes = _read_shape(facts, options)
    given: Sizes = {"height": options.height, "width": options.width, "channels": options.channels}
    for name, size in sizes.items():
        if size is not None and given[name] not in (None, size):
            raise ConfigError(f"image.{name} is {given[name]}, but the model's input is {facts}")
        size = size or given[name]
        if size is None:
            raise ConfigError(f"image.{name} must be given: the model's input {facts} leaves it free")
        sizes[name] = size
    height, width, channels = (sizes[name] or 0 for name in ("height", "width", "channels"))
    if channels not in _CHANNELS:
        raise ConfigError(f"images have 1 or 3 channels, the model's input {facts} has {channels}")
    spec = ImageSpec(
        column=options.column,
        height=height,
        width=width,
        channels=1 if channels == 1 else 3,
        resize=options.resize,
        min_side=options.min_side,
        max_pixels=options.max_pixels,
    )
    return ImageBinding(facts.name, spec, _plan_scaling(facts, options, layout, channels))


def _read_shape(facts: TensorFacts, options: ImageOptions) -> tuple[Layout, Sizes]:
    if len(facts.dims) == 2:
        return "nhw", {"height": facts.dims[0], "width": facts.dims[1], "channels": 1}
    if len(facts.dims) != 3:
        raise ConfigError(
            f"the model's input {facts} takes no images: they have the shape (N, H, W, C) or (N, C, H, W)"
        )
    layout = options.layout or _guess_layout(facts)
    names = ("channels", "height", "width") if layout == "nchw" else ("height", "width", "channels")
    return layout, dict(zip(names, facts.dims, strict=True))


def _guess_layout(facts: TensorFacts) -> Layout:
    first, last = facts.dims[0] in _CHANNELS, facts.dims[2] in _CHANNELS
    if first == last:
        raise ConfigError(f"image.layout must be given, nhwc or nchw: the model's input {facts} does not tell")
    return "nchw" if first else "nhwc"


def _plan_scaling(facts: TensorFacts, options: ImageOptions, layout: Layout, channels: int) -> PixelScaling:
    is_float = facts.dtype.startswith("float")
    if not is_float and facts.dtype not in ("uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"):
        raise ConfigError(f"the model's input {facts} takes no pixels")
    for name, numbers in (("mean", options.mean), ("std", options.std)):
        if len(numbers) not in (0, 1, channels):
            raise ConfigError(f"image.{name} has {len(numbers)} numbers for {channels} channels")
    is_plain = options.scale is None and not options.mean and not options.std
    if not is_float and not is_plain:
        raise ConfigError(f"the model's input {facts} takes whole numbers: scale, mean and std would lose digits")
    scale = options.scale if options.scale is not None or not is_float else 1 / 255
    is_reversed = options.channel_order == "bgr" and channels == 3
    return PixelScaling(layout, facts.dtype, is_reversed, scale, options.mean, options.std)
