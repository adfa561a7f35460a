"""Layers of recordings in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from dbx_dl.frameworks import audio_layers as kinds
from dbx_dl.transforms.log_mel import SAMPLE_SCALE


class LogMel(nn.Module):  # type: ignore[misc]
    """See `frameworks.audio_layers.LogMel`; on int16 (N, S)."""

    def __init__(self, layer: kinds.LogMel) -> None:
        super().__init__()
        self._hop = layer.plan.hop
        # They are no weights: files of weights have none of them.
        self.register_buffer("waves", torch.from_numpy(layer.waves.T[:, None].copy()), persistent=False)
        self.register_buffer("bands", torch.from_numpy(layer.bands), persistent=False)

    def forward(self, samples_ns: Any) -> Any:
        """float32 (N, 1, T, num_mels): channels first."""
        with torch.autocast(samples_ns.device.type, enabled=False):
            sound_n1s = samples_ns.to(torch.float32)[:, None] * SAMPLE_SCALE
            frames_nft = functional.conv1d(sound_n1s, self.waves, stride=self._hop)
            power_ntm = frames_nft.square().transpose(1, 2) @ self.bands
            logs_ntm = torch.log(power_ntm + kinds.POWER_FLOOR) * kinds.LOG_FACTOR + kinds.LOG_OFFSET
        return logs_ntm[:, None]
