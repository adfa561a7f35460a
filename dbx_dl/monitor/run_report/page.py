"""The page of one or more finished runs: one HTML file with its pictures and style inside."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import ClusterProfiles, FileSpec, RegisteredModel
from dbx_dl.figures import confusion_matrix, hit_rates, learning_curves
from dbx_dl.metrics.recommendation import baseline_hits, find_ranks, rate_hits
from dbx_dl.monitor.clusters.tables import EXAMPLES, MAP, tabulate_clusters
from dbx_dl.monitor.run_report.evidence import Evidence, HeldOutPredictions, gather_evidence
from dbx_dl.monitor.run_report.outcome import RunOutcome
from dbx_dl.monitor.run_report.pictures import show_file
from dbx_dl.monitor.run_report.summary import format_metric, summarize
from dbx_dl.page_pictures import Picture, draw_picture, to_data_uri
from dbx_dl.runtime.whole_files import write_whole

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)

TEMPLATE = "report.html.j2"
NON_BREAKING_HYPHEN = "\u2011"


def write_report(
    spark: SparkSession, outcomes: Sequence[RunOutcome], path: str | os.PathLike[str], *, title: str
) -> Path:
    """Write the page of the given runs to `path`, all or nothing, and return it; DataError when a table is gone."""
    evidence = [gather_evidence(spark, outcome) for outcome in outcomes]
    page = render_report(list(zip(outcomes, evidence, strict=True)), title=title)
    target = Path(path).absolute()
    with write_whole(target) as partial:
        partial.write_text(page, encoding="utf-8")
    logger.info("Report: %s", target)
    return target


def render_report(runs: Sequence[tuple[RunOutcome, Evidence]], *, title: str) -> str:
    """The page as text; nothing is read here but the template."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=templates, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template(TEMPLATE).render(
        title=title,
        written=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        summary=summarize([outcome for outcome, _ in runs]),
        runs=[_describe_run(outcome, evidence) for outcome, evidence in runs],
    )


def _describe_run(outcome: RunOutcome, evidence: Evidence) -> dict[str, Any]:
    promotion = outcome.promotion
    return {
        "outcome": outcome,
        "evidence": evidence,
        "flow": _flow_steps(outcome),
        "comparisons": [table for table in (promotion.compare(), promotion.compare_groups()) if table],
        "models": [_describe_model(outcome, model, evidence) for model in outcome.registered],
        "hits": _draw_hits(outcome, evidence),
        "samples": _show_samples(outcome, evidence),
        "num_wrong": evidence.num_wrong_texts or _count_wrong(evidence.predictions.get(evidence.sample_framework)),
    }


def _flow_steps(outcome: RunOutcome) -> list[tuple[str, str, str]]:
    """Stage, its count and a remark, in the order of the path."""
    prepared, scored, models = outcome.prepared, outcome.scored, outcome.registered
    splits = " / ".join(f"{rows:,}" for rows in prepared.split_rows.values())
    trained = [model.onnx.trained for model in models]
    worst = max(model.onnx.parity.max_abs_difference for model in models)
    num_found = prepared.num_rows + prepared.num_rejects
    champion = outcome.promotion.champion_version
    return [
        ("input", f"{num_found:,}", f"{outcome.row_noun} found"),
        ("prepare", f"{prepared.num_rows:,}", f"in Delta version {prepared.table.version}, {splits}"),
        ("train", " + ".join(t.framework for t in trained), f"{trained[0].network}, {trained[0].num_ranks} ranks"),
        ("export", f"{len(models)} × ONNX", f"at most {worst:.0e} from the network".replace("-", NON_BREAKING_HYPHEN)),
        ("register", f"v{champion}" if champion else "none", "is champion"),
        ("score", f"{scored.num_rows:,}", f"predictions, {scored.num_errors} with an error"),
    ]


def _describe_model(outcome: RunOutcome, model: RegisteredModel, evidence: Evidence) -> dict[str, Any]:
    trained = model.onnx.trained
    return {
        "model": model,
        "trained": trained,
        "is_champion": outcome.is_champion(model),
        "metric": format_metric(outcome, outcome.metric_value(model)),
        "clusters": _show_clusters(model, evidence.clusters.get(trained.framework)),
        "curves": draw_picture(
            f"{trained.framework}: {len(trained.history)} epochs, the weights of epoch {trained.best_epoch} were kept",
            lambda dark: learning_curves(trained.history, best_epoch=trained.best_epoch, dark=dark),
        ),
        "confusion": _draw_confusion(outcome, trained.framework, evidence.predictions.get(trained.framework)),
    }


def _show_clusters(model: RegisteredModel, profiles: ClusterProfiles | None) -> dict[str, Any] | None:
    """Tables of clusters, and the pictures that lie beside the model's file."""
    if profiles is None:
        return None
    figures = Path(model.onnx.file.path).with_name("figures")
    captions = {MAP: "rows by cluster", EXAMPLES: "the images nearest to each centre"}
    pictures = [
        Picture(light=uri, dark=uri, caption=caption)
        for name, caption in captions.items()
        if (figures / name).is_file() and (uri := to_data_uri((figures / name).read_bytes()))
    ]
    return {"profiles": profiles, "tables": tabulate_clusters(profiles), "pictures": pictures}


def _draw_confusion(outcome: RunOutcome, framework: str, predictions: HeldOutPredictions | None) -> Picture | None:
    if predictions is None:
        return None
    names = outcome.prepared.target.label_names
    num_wrong = _count_wrong(predictions)
    return draw_picture(
        f"{framework}: {num_wrong} of {len(predictions.labels):,} test {outcome.row_noun} wrong",
        lambda dark: confusion_matrix(predictions.labels, predictions.predicted, names, dark=dark),
    )


def _draw_hits(outcome: RunOutcome, evidence: Evidence) -> Picture | None:
    if not evidence.rankings:
        return None
    prepared = outcome.prepared
    rates, num_rows = {}, prepared.split_rows.get("test", 0)
    for framework, ranked in evidence.rankings.items():
        rates[framework] = rate_hits(find_ranks(ranked.labels, ranked.items), ranked.items.shape[1])
    top_k = max(map(len, rates.values()))
    rates["most chosen items"] = baseline_hits(prepared.statistics.popularity.get("test", ()), num_rows, top_k)
    return draw_picture(
        f"how often the item that was chosen is in the list, of {num_rows:,} test {outcome.row_noun}",
        lambda dark: hit_rates(rates, dark=dark),
    )


def _show_samples(outcome: RunOutcome, evidence: Evidence) -> list[dict[str, Any]]:
    spec = outcome.prepared.inputs
    return [
        {
            "sample": sample,
            "image": show_file(sample.content, spec) if isinstance(spec, FileSpec) and sample.content else None,
        }
        for sample in evidence.samples
    ]


def _count_wrong(predictions: HeldOutPredictions | None) -> int:
    return int((predictions.predicted != predictions.labels).sum()) if predictions is not None else 0
