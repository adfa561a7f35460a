"""Layers of recordings in Keras."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import keras
from keras import ops

from dbx_dl.frameworks import audio_layers as kinds
from dbx_dl.transforms.log_mel import SAMPLE_SCALE, MelPlan

Values = Any


@keras.saving.register_keras_serializable("dbx_dl")
class LogMel(keras.layers.Layer):  # type: ignore[misc]
    """See `frameworks.audio_layers.LogMel`; on int16 (N, S)."""

    def __init__(self, plan: dict[str, Any], **options: Any) -> None:
        super().__init__(**{**options, "dtype": "float32"})
        self._kind = kinds.LogMel(MelPlan(**plan))

    def call(self, samples_ns: Values) -> Values:
        """float32 (N, T, num_mels, 1)."""
        sound_ns1 = ops.expand_dims(ops.cast(samples_ns, "float32") * SAMPLE_SCALE, -1)
        waves = ops.convert_to_tensor(self._kind.waves[:, None])
        frames_ntf = ops.conv(sound_ns1, waves, self._kind.plan.hop, "valid", "channels_last")
        power_ntm = ops.matmul(ops.square(frames_ntf), ops.convert_to_tensor(self._kind.bands))
        logs_ntm = ops.log(power_ntm + kinds.POWER_FLOOR) * kinds.LOG_FACTOR + kinds.LOG_OFFSET
        return ops.expand_dims(logs_ntm, -1)

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "plan": asdict(self._kind.plan)}
