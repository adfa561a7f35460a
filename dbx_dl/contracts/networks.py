"""What rebuilds a trained network beside the ONNX file that was made of it."""

from __future__ import annotations

from typing import Literal

from dbx_dl.contracts.contract import Contract, FileDigest
from dbx_dl.contracts.inputs import InputSpec, Target

# Where a version's folder keeps it.
NETWORK_FOLDER, NETWORK_FILE = "network", "network.json"


class StoredNetwork(Contract):
    """A trained network as a registered version keeps it: what builds it, and its weights in a file beside this one.

    `weights` names the file and its SHA-256; formats are those of checkpoints (.npz without pickles, .safetensors). A
    regression's network gives (label - label_center) / label_scale. `model_sha256` is that of the ONNX file.
    """

    framework: Literal["keras", "torch"]
    network: str
    network_options: dict[str, str | int | float | bool]
    inputs: InputSpec
    target: Target
    seed: int
    weights: FileDigest
    model_sha256: str
    label_center: float = 0.0
    label_scale: float = 1.0
