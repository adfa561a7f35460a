"""Messages to MLflow, sent in order, and kept in the run directory while its server is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field

from dbx_dl.contracts import Contract
from dbx_dl.contracts.secret_texts import HiddenUri, hide_secrets

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 10.0


class Message(Contract):
    """Metrics at a step, tags, a file for an artifact folder, or the end of the run with a status."""

    model_config = ConfigDict(ser_json_inf_nan="constants")

    kind: Literal["metrics", "tags", "file", "end"]
    time_ms: int
    step: int = 0
    metrics: dict[str, float] = Field(default_factory=dict)
    tags: dict[str, str] = Field(default_factory=dict)
    path: str = ""
    folder: str = ""
    status: str = ""


class KnownRun(Contract):
    """Which MLflow run a directory's training writes, and where, without user and password."""

    run_id: str
    tracking_uri: HiddenUri


class Unsent(KnownRun):
    """What the MLflow run has not been told yet."""

    messages: tuple[Message, ...]


class Outbox:
    """A queue of messages; what cannot be sent now stays in it, and in the file at `path`.

    `send` raises when a message could not be sent. `is_refused` says of such an exception whether sending again would
    be no use: then the message is dropped with a warning.
    """

    def __init__(
        self,
        run: KnownRun,
        path: Path,
        send: Callable[[Message], None],
        is_refused: Callable[[Exception], bool],
        *,
        retry_seconds: float = _RETRY_SECONDS,
    ) -> None:
        self._run = run
        self._path = path
        self._send = send
        self._is_refused = is_refused
        self._retry_seconds = retry_seconds
        self._waiting: list[Message] = list(Unsent.load(path).messages) if path.exists() else []
        self._not_before = 0.0
        self._is_away = False

    @property
    def waiting(self) -> tuple[Message, ...]:
        """Messages that have not been sent, oldest first."""
        return tuple(self._waiting)

    def add(self, message: Message) -> None:
        """Send the message after those that wait; while the server is away try only every few seconds."""
        self._waiting.append(message)
        if time.monotonic() >= self._not_before:
            self.flush()

    def flush(self) -> bool:
        """Send what waits; whether nothing is left."""
        while self._waiting:
            try:
                self._send(self._waiting[0])
            except Exception as error:
                if not self._is_refused(error):
                    self._keep(error)
                    return False
                reason = hide_secrets(str(error))
                logger.warning("MLflow refused %s of run %s: %s", self._waiting[0].kind, self._run.run_id, reason)
            self._waiting.pop(0)
        if self._is_away:
            logger.info("MLflow is back: what was kept of run %s is logged", self._run.run_id)
        self._is_away = False
        self._path.unlink(missing_ok=True)
        return True

    def _keep(self, error: Exception) -> None:
        self._not_before = time.monotonic() + self._retry_seconds
        Unsent(run_id=self._run.run_id, tracking_uri=self._run.tracking_uri, messages=self.waiting).save(self._path)
        if not self._is_away:
            # MLflow's own text has the server's address as it was given.
            reason = hide_secrets((str(error).splitlines() or [type(error).__name__])[0])
            logger.warning("MLflow does not answer (%s): training goes on, metrics are kept in %s", reason, self._path)
        self._is_away = True
