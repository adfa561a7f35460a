"""Runs in a process of its own: rebuild a registered network, and explain rows by its gradients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import StoredNetwork
from dbx_dl.explain.methods.grad_cam import enlarge_maps, weigh_activations
from dbx_dl.explain.methods.integrated_gradients import integrate_gradients
from dbx_dl.frameworks.rebuilding import RebuiltNetwork, rebuild_network
from dbx_dl.runtime.array_files import write_arrays

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.frameworks.gradients import Gradients

ROWS_FILE, FOUND_FILE = "rows.npz", "found.npz"
_BASELINE_SHADES = {"black": 0.0, "grey": 127.5, "white": 255.0}
# Images of which a layer's values are in memory at once.
_ROWS_AT_ONCE = 32
# Of what gradients are by, such as pixels or the entries of tokens' vectors, so many at once.
_NUMBERS_AT_ONCE = 2**22


def explain_rows(
    network: dict[str, Any], weights: str, directory: str, method: str, options: dict[str, Any]
) -> dict[str, Any]:
    """Explain the rows of `rows.npz` in `directory`: `inputs` as the network takes them, and `outputs` int64 (N,).

    Leaves `found.npz`: contributions like the inputs (of texts one for each token (N, T)), or heat (N, H, W), and
    scores, base and gaps (N,) in the unit of what the network predicts. `network` is a StoredNetwork as JSON. Errors as
    of `rebuild_network`, and ConfigError for a network without gradients at the place that the method needs.
    """
    import numpy as np

    stored = StoredNetwork.model_validate(network)
    rebuilt = rebuild_network(stored, Path(weights))
    with np.load(Path(directory) / ROWS_FILE, allow_pickle=False) as saved:
        rows, outputs = saved["inputs"], saved["outputs"]
    found = METHODS[method](rebuilt, stored, rows, outputs, options)
    write_arrays(Path(directory) / FOUND_FILE, found)
    return rebuilt.framework.describe_versions()


def _integrate(
    rebuilt: RebuiltNetwork,
    stored: StoredNetwork,
    rows: NDArray[np.generic],
    outputs: NDArray[np.int64],
    options: dict[str, Any],
) -> dict[str, NDArray[Any]]:
    import numpy as np

    gradients = rebuilt.framework.open_gradients(rebuilt.network, rebuilt.request)
    size = max(1, _NUMBERS_AT_ONCE // max(1, gradients.embed(rows[:1]).size))
    starts = range(0, max(1, len(rows)), size)
    blocks = [
        _integrate_block(rebuilt, gradients, stored, rows[start : start + size], outputs[start : start + size], options)
        for start in starts
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _integrate_block(
    rebuilt: RebuiltNetwork,
    gradients: Gradients,
    stored: StoredNetwork,
    rows: NDArray[np.generic],
    outputs: NDArray[np.int64],
    options: dict[str, Any],
) -> dict[str, NDArray[Any]]:
    import numpy as np

    values = gradients.embed(rows)
    shares = integrate_gradients(
        values,
        _make_baselines(values, stored, options["baseline"]),
        lambda places, at: gradients.evaluate(rows[places], at, outputs[places]),
        num_steps=options["num_steps"],
        max_steps=options["max_steps"],
        tolerance=options["tolerance"],
    )
    # Of tokens' vectors and of pixels' channels the sum is told.
    contributions = shares.contributions
    if rebuilt.request.is_text or contributions.ndim == 4:
        contributions = contributions.sum(axis=-1)
    center, scale = stored.label_center, stored.label_scale
    return {
        "contributions": contributions * scale,
        "scores": shares.scores * scale + center,
        "base": shares.base * scale + center,
        "gaps": np.asarray(shares.gaps * scale),
    }


def _make_baselines(values: NDArray[np.float32], stored: StoredNetwork, shade: str) -> NDArray[np.float32]:
    """Zeros: of numbers their mean, of categories none, of tokens no vector; images of one shade."""
    import numpy as np

    if stored.inputs.kind == "images":
        return np.full_like(values, _BASELINE_SHADES[shade])
    baselines = np.zeros_like(values)
    if stored.inputs.kind == "steps":
        # Whether a step is there is no number that a row could have more or less of.
        baselines[..., -1] = values[..., -1]
    return baselines


def _localize(
    rebuilt: RebuiltNetwork,
    stored: StoredNetwork,
    rows: NDArray[np.generic],
    outputs: NDArray[np.int64],
    options: dict[str, Any],
) -> dict[str, NDArray[Any]]:
    import numpy as np

    height, width = rows.shape[1:3]
    parts = []
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        activations, gradients = rebuilt.framework.read_activations(
            rebuilt.network, rebuilt.request, options["layer"], rows[part], outputs[part]
        )
        parts.append(enlarge_maps(weigh_activations(activations, gradients), height, width))
    logits = rebuilt.objective.predict(rows)[np.arange(len(rows)), outputs]
    scores = logits * stored.label_scale + stored.label_center
    return {"contributions": np.concatenate(parts), "scores": scores.astype(np.float64)}


METHODS = {"integrated_gradients": _integrate, "grad_cam": _localize}
