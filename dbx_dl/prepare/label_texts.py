"""Labels that are texts get a vocabulary and a length, fitted on the train split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.config import LabelText
from dbx_dl.contracts import Target
from dbx_dl.prepare.tabular.fit_text import describe_text, fit_text
from dbx_dl.prepare.tabular.token_measures import measure_tokens

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from dbx_dl.contracts import TextFeature

LABEL = "label"
# Where the config does not say: the longest label of the train split, or so many tokens.
DEFAULT_MAX_LENGTH = 64


def fit_label_text(
    train: DataFrame, config: LabelText | None, known: TextFeature | None = None
) -> tuple[Target, list[str]]:
    """The target of texts in the column `label` of `train`, and sentences about what its vocabulary and length lose.

    `known` is how an earlier prepare fitted it, and stays. DataError when there is no token.
    """
    config = config or LabelText()
    measures = measure_tokens(train, LABEL, config)
    fitted = fit_text(LABEL, config, measures, longest=DEFAULT_MAX_LENGTH)
    if known is not None:
        fitted = fitted.model_copy(update={"text": known})
    target = Target(task="sequence", column=LABEL, text=fitted.text, joiner=config.joiner)
    return target, describe_text(fitted, measures, done="learned")


def hide_labels(rows: DataFrame) -> DataFrame:
    """Rows without their labels: texts are no classes whose rows are counted."""
    from pyspark.sql import functions as F

    return rows.withColumn(LABEL, F.lit(None).cast("string"))
