"""When a window of rows counts as drifted from what a model was trained on."""

from __future__ import annotations

from pydantic import Field

from dbx_dl.config.section import Section


class DriftConfig(Section):
    """A check fires where a difference is both sure and large.

    Sure: its p-value, which knows the rows of both sides, is at most `false_alarms` after correction for all checks of
    the window (Benjamini and Hochberg 1995). So where nothing drifted at most that share of windows has an alarm, and
    elsewhere at most that share of the alarms is expected to be false. Large: it is above its limit here. Windows of
    fewer than `min_rows` rows are told and not judged.

    Limits: `psi` of the population stability index, less what chance adds to it; `kolmogorov_smirnov` of the largest
    distance between two distribution functions; `wasserstein` of the distance in standard deviations of the baseline;
    `jensen_shannon` of the distance between categories, from 0 to 1, less what chance adds; `null_share` and
    `unseen_share` of the rise or fall of the share of rows without a value, and of those with a value that training
    never saw; `frechet` of the squared distance between Gaussians of vectors, less what chance adds, divided by the
    baseline's total variance; `classifier` of the accuracy by which a classifier tells vectors of the window from those
    of the baseline, 0.5 being chance. `near_duplicates` is the share of images that look like another one of the same
    window from which on there is a warning, unless the train split has as many itself.

    `skip` are columns, or columns and measures such as `content.format`, that are not looked at.
    """

    false_alarms: float = Field(default=0.05, gt=0, lt=1)
    min_rows: int = Field(default=50, gt=0)
    psi: float = Field(default=0.2, ge=0, allow_inf_nan=False)
    kolmogorov_smirnov: float = Field(default=0.1, ge=0, le=1)
    wasserstein: float = Field(default=0.25, ge=0, allow_inf_nan=False)
    jensen_shannon: float = Field(default=0.1, ge=0, le=1)
    null_share: float = Field(default=0.02, ge=0, le=1)
    unseen_share: float = Field(default=0.01, ge=0, le=1)
    frechet: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    classifier: float = Field(default=0.6, ge=0.5, le=1)
    near_duplicates: float = Field(default=0.5, ge=0, le=1)
    skip: tuple[str, ...] = ()
