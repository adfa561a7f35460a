"""Variants beside the plain file: each made, put through the gates and measured, and the best one chosen."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.contracts import Parity, Variant
from dbx_dl.errors import DataError, ExportError
from dbx_dl.export.choice import choose_variant, measure_loss
from dbx_dl.export.gates import FILE_GATES, Candidate, Tolerances, run_gates
from dbx_dl.export.latency import measure_latency
from dbx_dl.export.model_files import MODEL_FILE, list_files, write_model
from dbx_dl.export.network_process import network_inputs
from dbx_dl.export.parity import summarize_parity
from dbx_dl.export.variants import VARIANTS, Source, build_variant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.config import ExportConfig
    from dbx_dl.contracts import Precision, PreparedTable

logger = logging.getLogger(__name__)

PLAIN = "plain"
# How far rows may move with their batch: sums in float16 depend on its size, those of integers do not.
_BATCH_TOLERANCES: dict[Precision, float] = {"float16": 5e-3, "int8": 1e-4}


@dataclass(frozen=True)
class Measured:
    """A file that passed the gates, how far it is from the network, and milliseconds per call by batch size."""

    candidate: Candidate
    parity: Parity
    latency_ms: dict[int, float]


def measure_candidate(candidate: Candidate) -> Measured:
    """What a file that has passed its gates is described by."""
    parity = summarize_parity(candidate.differences, candidate.metadata, candidate.tolerances.agreement)
    return Measured(candidate, parity, measure_latency(candidate.session, candidate.held_out.rows))


def compare_variants(
    plain: Measured, network: Path, config: ExportConfig, metric: str
) -> tuple[Measured, tuple[Variant, ...]]:
    """The chosen file, and the table of all, the plain one first; no table where no variants are asked for.

    A variant that cannot be made, fails a gate or loses too much of the metric is not kept, and the table says why.
    """
    if not config.variants:
        return plain, ()
    measured = {PLAIN: plain}
    table = [_describe(PLAIN, "float32", plain, metric, plain, config)]
    for name in dict.fromkeys(config.variants):
        try:
            found = _measure_variant(name, plain, network, config)
        except (ExportError, DataError) as error:
            table.append(Variant(name=name, precision=VARIANTS[name].precision, reason=str(error)))
        else:
            measured[name] = found
            table.append(_describe(name, VARIANTS[name].precision, found, metric, plain, config))
        logger.info("variant %s", describe_variant(table[-1], metric))
    best = choose_variant(table, metric, config)
    logger.info("variant %s is chosen by %s", best.name, config.choose_by)
    return measured[best.name], tuple(entry.model_copy(update={"is_chosen": entry is best}) for entry in table)


def describe_variant(variant: Variant, metric: str) -> str:
    """A line for people: its metric, size and speed, or why it is not kept."""
    if not variant.latency_ms:
        return f"{variant.name} is not kept: {variant.reason}"
    speed = ", ".join(f"{value:.3g} ms at batch {size}" for size, value in variant.latency_ms.items())
    kept = f"; not kept: {variant.reason}" if variant.reason else ""
    return (
        f"{variant.name} has {metric} {variant.metrics.get(metric, float('nan')):.4f}, "
        f"{(variant.size_bytes or 0) / 1e6:.3g} MB, {speed}{kept}"
    )


def _measure_variant(name: str, plain: Measured, network: Path, config: ExportConfig) -> Measured:
    folder = plain.candidate.path.parent / name
    folder.mkdir()
    prepared = plain.candidate.prepared
    source = Source(network, folder, lambda: _read_calibration(prepared, config.calibration_rows))
    metadata = plain.candidate.metadata.model_copy(update={"variant": name})
    candidate = replace(
        plain.candidate,
        path=folder / MODEL_FILE,
        metadata=metadata,
        tolerances=_find_tolerances(VARIANTS[name].precision, plain.candidate.tolerances, config),
        reference={},
    )
    write_model(build_variant(name, source), metadata, candidate.path, config.inline_bytes)
    run_gates(candidate, FILE_GATES)
    return measure_candidate(candidate)


def _find_tolerances(precision: Precision, plain: Tolerances, config: ExportConfig) -> Tolerances:
    if precision == "float32":
        return plain
    agreement = getattr(config.low_precision_tolerances, precision)
    return Tolerances(agreement=agreement, batches=_BATCH_TOLERANCES[precision], metrics=plain.metrics)


def _read_calibration(prepared: PreparedTable, num_rows: int) -> NDArray[np.generic]:
    from dbx_dl.feed.rows import read_rows

    return network_inputs(read_rows(prepared, "train", num_rows), prepared.inputs)


def _describe(
    name: str, precision: Precision, found: Measured, metric: str, plain: Measured, config: ExportConfig
) -> Variant:
    metrics = found.candidate.metrics
    loss, reason = None, f"{metric} is undefined on the test split"
    if metric in metrics and metric in plain.candidate.metrics:
        loss = measure_loss(metric, metrics[metric], plain.candidate.metrics[metric])
        is_within = loss <= config.max_metric_loss
        reason = "" if is_within else f"{metric} is worse by {loss:.3g}, allowed are {config.max_metric_loss:g}"
    return Variant(
        name=name,
        precision=precision,
        metrics=metrics,
        metric_loss=loss,
        size_bytes=sum(file.stat().st_size for file in list_files(found.candidate.path)),
        latency_ms=found.latency_ms,
        max_abs_difference=found.parity.max_abs_difference,
        is_kept=not reason or name == PLAIN,
        reason="" if name == PLAIN else reason,
    )
