"""What training keeps of its state on the way, and how often it comes back by itself."""

from __future__ import annotations

from pydantic import Field

from dbx_dl.config.section import Section


class CheckpointConfig(Section):
    """Checkpoints lie under the run's directory; the last `keep_last` stay.

    One is written after every `every_epochs` epochs and every `every_steps` steps, counted over all epochs; null
    switches either off. When a rank's process or its executor is lost, ranks are launched again from the latest
    checkpoint, up to `max_restarts` times, once Spark has enough slots again, for which `wait_seconds` are given.
    """

    every_epochs: int | None = Field(default=1, gt=0)
    every_steps: int | None = Field(default=None, gt=0)
    keep_last: int = Field(default=2, gt=0)
    max_restarts: int = Field(default=1, ge=0)
    wait_seconds: int = Field(default=120, ge=0)
