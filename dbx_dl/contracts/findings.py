"""What monitoring found: one figure of one window of rows, how sure it is, and what it means."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

from dbx_dl.contracts.contract import Contract
from dbx_dl.contracts.tables import TableVersion

_VERSION = re.compile(r"version \d+")
Area = Literal["drift", "quality", "fairness", "operations"]
# `alert` fires; `warning` is worth a look and fires nothing; `unsure` had too few rows to be judged.
FindingStatus = Literal["ok", "warning", "alert", "unsure", "told"]


class Window(Contract):
    """Rows that are looked at together: all of a table's, those of a time span, or those of a range of its versions.

    `start` is included and `end` is not; of versions both are included.
    """

    name: str
    start: datetime | None = None
    end: datetime | None = None
    first_version: int | None = None
    last_version: int | None = None


class Finding(Contract):
    """One figure of one window: a row of the table of findings.

    `column` is what it speaks of (a column, an output of the model; empty: the rows as a whole), `part` a class,
    group, slice, value or model version within it. `value` is the figure, `low` and `high` the interval around it,
    `baseline` the same figure of what it is compared with, `limit` what it may reach. `p_value` is before correction
    for many tests, `adjusted_p_value` after it. `detail` is a sentence for a person.
    """

    window: str
    area: Area
    column: str = ""
    part: str = ""
    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    num_rows: int
    baseline: float | None = None
    limit: float | None = None
    p_value: float | None = None
    adjusted_p_value: float | None = None
    status: FindingStatus = "told"
    detail: str = ""


class Monitored(Contract):
    """What a look at a scored table found; `should_retrain` is the verdict that a job's condition task asks for.

    `model_version` and `model_sha256` are those of the model that was looked at, None in looks of earlier versions.
    """

    source: TableVersion
    windows: tuple[Window, ...]
    findings: tuple[Finding, ...]
    should_retrain: bool
    reasons: tuple[str, ...] = ()
    # Where the findings were written, the page, and the MLflow run; None where they were not.
    table: TableVersion | None = None
    report: str | None = None
    run_id: str | None = None
    model_version: int | None = None
    model_sha256: str | None = None

    def list_of_model(self, version: int, sha256: str) -> tuple[Finding, ...]:
        """The findings of one version, of this very file; none where the look was at another model.

        Where rows of several versions were looked at together, those of quality that are of another one are left out.
        """
        if (self.model_version, self.model_sha256) != (version, sha256):
            return ()
        own = f"version {version}"
        return tuple(each for each in self.findings if each.part == own or not _VERSION.fullmatch(each.part))

    @property
    def alerts(self) -> tuple[Finding, ...]:
        """The findings that fire."""
        return tuple(finding for finding in self.findings if finding.status == "alert")
