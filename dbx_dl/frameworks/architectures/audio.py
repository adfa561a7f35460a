"""Networks for recordings: log-mel features inside the network, then what is done with images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field

from dbx_dl.config import Section
from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.activations import ActivationName
from dbx_dl.frameworks.architectures.architecture import Architecture
from dbx_dl.frameworks.audio_layers import LogMel
from dbx_dl.frameworks.layers import (
    Activation,
    Conv2D,
    Dense,
    Dropout,
    GlobalAverage,
    Layer,
    MaxPool2D,
    Reshape,
    shape_after,
)
from dbx_dl.transforms.log_mel import MelPlan, list_bands

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest

NUM_BLOCKS = 3
LOWEST_HZ = 40.0


class AudioCnnOptions(Section):
    """A convolutional network on log-mel features of a recording.

    Frames of `window_seconds` every `hop_seconds`, of which the power in `num_mels` bands of the mel scale, from
    `lowest_hz` to `highest_hz` (half the sample rate where it is not given), goes through a logarithm; three blocks of
    3x3 convolution (`filters`, twice and four times as many, same padding, relu) and 2x2 max pooling; the mean over
    time, a dense layer of 128 with relu and dropout, logits.
    """

    window_seconds: float = Field(default=0.025, gt=0)
    hop_seconds: float = Field(default=0.01, gt=0)
    num_mels: int = Field(default=40, ge=2**NUM_BLOCKS)
    lowest_hz: float = Field(default=LOWEST_HZ, ge=0)
    highest_hz: float | None = Field(default=None, gt=0)
    filters: int = Field(default=16, gt=0)
    dropout: float = Field(default=0.25, ge=0, lt=1)
    activation: ActivationName = "relu"


def describe_audio_cnn(request: NetworkRequest, options: AudioCnnOptions) -> tuple[Layer, ...]:
    """Frequencies stay apart until the dense layer, times do not: a sound is the same wherever it begins."""
    layers: tuple[Layer, ...] = (LogMel(plan_mels(request, options)),)
    for number in range(NUM_BLOCKS):
        layers += (Conv2D(options.filters * 2**number, 3, padding=1), Activation(options.activation), MaxPool2D())
    num_steps, num_bands, num_channels = shape_after(layers, request.input_shape)
    if num_steps < 1:
        raise _refuse(request, f"{request.input_shape[0]} samples are too few frames for {NUM_BLOCKS} poolings")
    return (
        *layers,
        Reshape((num_steps, num_bands * num_channels)),
        GlobalAverage(),
        *(Dense(128), Activation(options.activation), Dropout(options.dropout)),
    )


def plan_fitting_mels(request: NetworkRequest) -> MelPlan:
    """The features of `AudioCnnOptions` as they are, of fewer bands where a low sample rate leaves some empty."""
    options = AudioCnnOptions()
    plan = _plan(request, options)
    counts = range(options.num_mels, 0, -1)
    fitting = (fewer for fewer in (replace(plan, num_mels=count) for count in counts) if not _count_empty(fewer))
    found = next(fitting, None)
    if found is None:
        raise _refuse(request, f"{request.sample_rate} samples a second are too few for any band of the mel scale")
    return found


def plan_mels(request: NetworkRequest, options: AudioCnnOptions) -> MelPlan:
    """The features of the request's recordings; ConfigError for options that do not fit them."""
    plan = _plan(request, options)
    num_empty = _count_empty(plan)
    if num_empty:
        raise _refuse(request, f"{num_empty} of {options.num_mels} bands hold no frequency: lower num_mels")
    return plan


def _plan(request: NetworkRequest, options: AudioCnnOptions) -> MelPlan:
    rate = request.sample_rate
    highest = options.highest_hz or rate / 2
    if not options.lowest_hz < highest <= rate / 2:
        raise _refuse(request, f"bands must rise from lowest_hz to highest_hz, at most {rate / 2:g} Hz")
    window, hop = (max(1, round(seconds * rate)) for seconds in (options.window_seconds, options.hop_seconds))
    plan = MelPlan(rate, window, hop, options.num_mels, options.lowest_hz, highest)
    if window > request.input_shape[0]:
        raise _refuse(request, f"frames of {window} samples are longer than recordings of {request.input_shape[0]}")
    return plan


def _count_empty(plan: MelPlan) -> int:
    return int((list_bands(plan).sum(axis=0) == 0).sum())


def _refuse(request: NetworkRequest, why: str) -> ConfigError:
    return ConfigError(f"network {request.network!r}: {why}")


AUDIO_NETWORKS = {"audio_cnn": Architecture(AudioCnnOptions, ("audio",), describe_audio_cnn)}
