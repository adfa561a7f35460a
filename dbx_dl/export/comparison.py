"""An exported file beside the network that it came from: the same rows through both, and how long they take."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import Comparison
from dbx_dl.errors import ConfigError
from dbx_dl.export.latency import measure_latency
from dbx_dl.export.network_process import OUTPUTS_FILE
from dbx_dl.export.onnx_model import check_weights, read_held_out
from dbx_dl.export.parity import compare_outputs, summarize_parity
from dbx_dl.feed.storage import lend_options
from dbx_dl.runtime.gpus import WITHOUT_GPUS
from dbx_dl.runtime.processes import call_in_process
from dbx_dl.score.model.session import open_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.contracts import OnnxModel

BATCH_SIZES = (1, 32, 1024)
NUM_ROWS = 256


def compare_model(model: OnnxModel, *, batch_sizes: Sequence[int] = BATCH_SIZES) -> Comparison:
    """Predict held-out rows with the exported file and with the original network, and time both on one core.

    The network runs in a process of its own, with its framework's compiled forward pass. ConfigError for a batch size
    below 1; DataError when the file or the weights were changed since.
    """
    import numpy as np

    if not batch_sizes or min(batch_sizes) < 1:
        raise ConfigError(f"batch sizes {list(batch_sizes)}: name one or more, each at least 1")
    check_weights(model.trained)
    session = open_model(model.file.path, model.file.sha256)
    arguments: dict[str, Any] = {
        "trained": model.trained.model_dump(mode="json"),
        "num_rows": NUM_ROWS,
        "sizes": list(batch_sizes),
    }
    with tempfile.TemporaryDirectory(prefix="dbx_dl_compare_") as folder:
        network_ms = call_in_process(
            "dbx_dl.export.network_process:time_network",
            arguments | {"directory": folder},
            environment={**WITHOUT_GPUS, **lend_options(model.trained.prepared.storage_options)},
        )
        with np.load(Path(folder) / OUTPUTS_FILE, allow_pickle=False) as arrays:
            held_out = read_held_out(model.trained, NUM_ROWS, session.metadata, dict(arrays))
    parity = summarize_parity(compare_outputs(session, held_out), session.metadata, model.parity.tolerance)
    return Comparison(
        framework=model.trained.framework,
        parity=parity,
        file_ms=measure_latency(session, held_out.rows, batch_sizes),
        network_ms=dict(zip(batch_sizes, network_ms, strict=True)),
    )


def tabulate_comparison(found: Comparison) -> list[tuple[str, ...]]:
    """A header, and a row for each batch size."""
    rows = [
        (str(size), f"{file_ms:.3g}", f"{found.network_ms[size]:.3g}", f"{found.network_ms[size] / file_ms:.1f}")
        for size, file_ms in found.file_ms.items()
    ]
    return [("batch", "ONNX, ms per call", f"{found.framework}, ms per call", "times faster"), *rows]
