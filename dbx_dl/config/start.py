"""Which weights a training starts from."""

from __future__ import annotations

from dbx_dl.config.section import Section


class StartConfig(Section):
    """Weights of an earlier training of the same framework: its `trained.json`, or the weights file itself.

    With `skip_mismatched` arrays whose name, shape or type is another in the new network keep their fresh values, as
    for a last layer with other classes; otherwise they are refused.
    """

    weights: str
    skip_mismatched: bool = False
