"""What a version says of its promotion: tags, a JSON artifact at its training run, and a section of its description."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from dbx_dl.register.markdown_tables import write_table
from dbx_dl.runtime.markdown_texts import escape_markup
from dbx_dl.runtime.tracking import explain_failure, quiet_mlflow, short_waits

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from dbx_dl.contracts import Promotion

logger = logging.getLogger(__name__)

DECISION_TAG = "dbx_dl_decision"
RECORD_TAG = "dbx_dl_decision_record"
HEADING = "### Promotion"
# Unity Catalog's tags are short, and MLflow's database keeps 5000 characters of a description.
_MAX_TAG, MAX_DESCRIPTION = 250, 5000
# What MLflow refuses in the names of metrics.
_ODD = re.compile(r"[^\w .:/-]")
_WORDS = {True: "met", False: "**missed**", None: "not judged"}


def name_record(promotion: Promotion) -> str:
    """The artifact's path within the challenger's run; each decision has one of its own."""
    moment = "".join(character for character in promotion.decided_at if character.isalnum())
    return f"promotions/{promotion.name}-{promotion.challenger_version}-{moment}.json"


def record_decision(client: MlflowClient, promotion: Promotion, run_id: str) -> None:
    """Store the decision with the challenger: tags `dbx_dl_decision` and `dbx_dl_decision_record`, description, JSON.

    A warning where MLflow does not take it: the decision stands, and `promotion.json` of the run has it too.
    """
    from mlflow.exceptions import MlflowException

    name, version = promotion.name, str(promotion.challenger_version)
    try:
        with quiet_mlflow(), short_waits():
            client.log_dict(run_id, promotion.model_dump(mode="json"), name_record(promotion))
            _log_gaps(client, promotion, run_id)
            client.set_model_version_tag(name, version, DECISION_TAG, _shorten(promotion.reason, _MAX_TAG))
            client.set_model_version_tag(name, version, RECORD_TAG, promotion.record)
            described = client.get_model_version(name, version).description or ""
            client.update_model_version(name, version, description=describe_decision(described, promotion))
    except (MlflowException, OSError) as error:
        logger.warning("the decision is not stored with version %s of %s: %s", version, name, explain_failure(error))


def _log_gaps(client: MlflowClient, promotion: Promotion, run_id: str) -> None:
    """The challenger's gaps between groups as metrics of its run, such as `sex.demographic_parity_difference`."""
    measured = {model.version: model.fairness for model in promotion.models}
    fairness = measured.get(promotion.challenger_version or 0)
    for column, gaps in (fairness.gaps if fairness is not None else {}).items():
        for name, value in gaps.items():
            client.log_metric(run_id, f"{_ODD.sub('_', column)}.{name}", value)


def describe_decision(described: str, promotion: Promotion) -> str:
    """A version's description with the decision as its last section, in Markdown, in place of an earlier one."""
    own = described.partition(HEADING)[0].rstrip()
    table = promotion.table
    rows = f"{promotion.num_rows} test rows of `{table.name}` version {table.version}" if table else "test rows"
    lines = [
        *(HEADING, "", f"{promotion.decided_at}: {escape_markup(promotion.reason)}.", ""),
        f"On {escape_markup(rows)}, {promotion.confidence:.0%} intervals; all of it is in `{promotion.record}`.",
        "",
    ]
    for found in (promotion.compare(), promotion.compare_groups()):
        lines += [write_table(found), ""] if found else []
    checks = [check for check in promotion.checks if check.version == promotion.challenger_version]
    lines += [f"- {_WORDS[check.is_met]}: {escape_markup(check.detail)}" for check in checks]
    text = "\n".join([own, "", *lines] if own else lines)
    return text if len(text) <= MAX_DESCRIPTION else text[: MAX_DESCRIPTION - 2].rpartition("\n")[0] + "\n…"


def _shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
