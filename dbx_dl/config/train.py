"""How a network is trained."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dbx_dl.config.section import Scalar, Section


class OptimizerConfig(Section):
    """An optimizer by name; `learning_rate` is for the global batch and is not scaled."""

    name: Literal["adam", "sgd"] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0)
    momentum: float = Field(default=0.0, ge=0, lt=1)
    warmup_epochs: float = Field(default=0.0, ge=0)
    decay: Literal["constant", "cosine"] = "constant"


class TrainConfig(Section):
    """How a network is trained; `batch_size` is per rank."""

    network: str
    network_options: dict[str, Scalar] = Field(default_factory=dict)
    num_ranks: int = Field(default=1, gt=0)
    launcher: Literal["in_process", "spark", "horovod_spark", "torch_ddp"] = "spark"
    batch_size: int = Field(default=32, gt=0)
    num_epochs: int = Field(default=10, gt=0)
    optimizer: OptimizerConfig = OptimizerConfig()
    early_stopping_epochs: int | None = Field(default=None, gt=0)
    seed: int = 0
    shuffle_window_rows: int = Field(default=4096, gt=0)
    timeout_seconds: int = Field(default=3600, gt=0)
