"""Write a version's model card and attach it: files, artifacts of its run, a tag and a section of its description."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.config.card import CardConfig
from dbx_dl.contracts import ModelCard
from dbx_dl.errors import RegistryError
from dbx_dl.figures import encode_png, learning_curves
from dbx_dl.page_pictures import to_data_uri
from dbx_dl.register.card.rendering import render_markdown, render_page
from dbx_dl.register.card.sections import CardFacts, list_sections
from dbx_dl.register.record import HEADING, MAX_DESCRIPTION
from dbx_dl.runtime.tracking import explain_failure, open_client, quiet_mlflow, short_waits
from dbx_dl.runtime.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlflow import MlflowClient

    from dbx_dl.config import TrackingConfig
    from dbx_dl.contracts import Finding, Importances, Promotion, RegisteredModel, TrainedModel

logger = logging.getLogger(__name__)

CARD_TAG, CARD_HEADING = "dbx_dl_card", "### Model card"
_CARD_TEXT = "Data, metrics with intervals, groups, limits: "
MARKDOWN_FILE, PAGE_FILE = "model_card.md", "model_card.html"


def write_card(
    registered: RegisteredModel,
    *,
    directory: str,
    tracking: TrackingConfig,
    config: CardConfig | None = None,
    promotion: Promotion | None = None,
    importances: Importances | None = None,
    findings: Sequence[Finding] = (),
) -> ModelCard:
    """Write `model_card.md` and `model_card.html` to `directory`, and attach them to the registered version.

    They say what the version is of, what it learned from, what it reached with intervals, how groups fare, and its
    limits: Mitchell et al., "Model Cards for Model Reporting", 2019. `config` has what only people know, `promotion`
    what was measured, `importances` (of this very file) what decides, `findings` what monitoring found since. The
    version's run gets both files as artifacts, the version a tag `dbx_dl_card` and a section of its description;
    writing again replaces them. RegistryError, with the files written, when MLflow cannot be reached or has no such
    version.
    """
    facts = CardFacts(registered, config or CardConfig(), promotion, importances, tuple(findings))
    sections, title = list_sections(facts), f"{registered.name}, version {registered.version}"
    trained = registered.onnx.trained
    texts = {
        MARKDOWN_FILE: render_markdown(title, sections),
        PAGE_FILE: render_page(title, sections, _draw_pictures(trained)),
    }
    folder = Path(directory).absolute()
    for name, text in texts.items():
        with write_whole(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
    artifact = f"model_cards/{registered.name}-{registered.version}"
    attach_card(registered, folder, artifact, tracking)
    return ModelCard(
        name=registered.name,
        version=registered.version,
        markdown=str(folder / MARKDOWN_FILE),
        page=str(folder / PAGE_FILE),
        run_id=trained.run_id,
        artifact=artifact,
    )


def attach_card(registered: RegisteredModel, folder: Path, artifact: str, tracking: TrackingConfig) -> None:
    """Put a folder's card at the version's run, and name it in the version's tag and description; errors as above."""
    from mlflow.exceptions import MlflowException

    client = open_client(tracking.uri)
    name, version = registered.name, str(registered.version)
    try:
        with quiet_mlflow(), short_waits():
            described = client.get_model_version(name, version).description or ""
            for file in (MARKDOWN_FILE, PAGE_FILE):
                client.log_artifact(registered.onnx.trained.run_id, str(folder / file), artifact)
            _tell(client, name, version, artifact, described)
    except (MlflowException, OSError) as error:
        raise RegistryError(f"the card of {name} version {version} is not attached: {explain_failure(error)}") from None
    logger.info("%s version %s has its card at %s of its run", name, version, artifact)


def _tell(client: MlflowClient, name: str, version: str, artifact: str, described: str) -> None:
    client.set_model_version_tag(name, version, CARD_TAG, artifact)
    client.update_model_version(name, version, description=describe_card(described, artifact))


def remove_card(described: str) -> str:
    """A version's description without the section that names its card; what people wrote around it stays."""
    before, heading, behind = described.partition(CARD_HEADING)
    if not heading:
        return described
    behind = behind.lstrip()
    if behind.startswith(_CARD_TEXT):
        behind = behind.partition("\n")[2].lstrip("\n")
    return "\n\n".join(part for part in (before.rstrip(), behind) if part)


def describe_card(described: str, artifact: str) -> str:
    """A version's description with a section that names the card, before that of the promotion."""
    own, heading, decision = remove_card(described).partition(HEADING)
    own = own.rstrip()
    section = f"{CARD_HEADING}\n\n{_CARD_TEXT}`{artifact}/{MARKDOWN_FILE}` of the run."
    text = "\n\n".join(part for part in (own, section, f"{heading}{decision}") if part)
    return text if len(text) <= MAX_DESCRIPTION else text[: MAX_DESCRIPTION - 2].rpartition("\n")[0] + "\n…"


def _draw_pictures(trained: TrainedModel) -> list[tuple[str, str]]:
    if not trained.history:
        return []
    png = encode_png(learning_curves(trained.history, best_epoch=trained.best_epoch), dpi=110)
    caption = "Metrics by epoch; the dotted line is where the weights are from"
    return [(caption, to_data_uri(png))]
