"""What only PyTorch can show with one rank: a DataLoader over a feed, and an optimizer outside our own loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from torch.utils.data import DataLoader

from dbx_dl import open_feed
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.frameworks.torch import BatchDataset, build_network, distribute_optimizer, seed_process
from tests.numerics.digits import make_global_batches, request_convnet
from tests.prepared_tables import write_feature_table


def run(folder: Path) -> dict[str, Any]:
    """Train over a DataLoader; read the same batches with two loader workers."""
    seed_process(1, 1)
    network = build_network(request_convnet())
    optimizer = distribute_optimizer(torch.optim.Adam(network.parameters(), lr=2e-3), SingleRank())
    batches = make_global_batches(10)
    loader = DataLoader(BatchDataset(batches), batch_size=None)
    losses = [sum(train_step(network, optimizer, *tensors) for tensors in loader) / len(batches) for _ in range(3)]
    apart = DataLoader(BatchDataset(batches), batch_size=None, num_workers=2)
    return {
        "fit_losses": losses,
        "is_order_kept": all(torch.equal(a[0], b[0]) for a, b in zip(loader, apart, strict=True)),
        "noise_differs": noise_differs(),
        "feed_losses": fit_feed(folder / "table"),
    }


def train_step(network: Any, optimizer: Any, inputs: Any, labels: Any, weights: Any) -> float:
    """A step as people write it, with a mean loss and a plain `step()`."""
    optimizer.zero_grad()
    loss = (functional.cross_entropy(network(inputs), labels, reduction="none") * weights).mean()
    loss.backward()
    optimizer.step()
    return float(loss.item())


def fit_feed(folder: Path) -> list[float]:
    """Losses of a plain loop over a feed of a prepared table, as the docstring of `BatchDataset` shows."""
    feed = open_feed(write_feature_table(folder, {"train": 200}), "train", batch_size=32)
    network = torch.nn.Linear(*feed.signature["input_shape"], 2)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    loader = DataLoader(BatchDataset(feed.epochs()), batch_size=None)
    return [sum(train_step(network, optimizer, *tensors) for tensors in loader) for _ in range(4)]


def noise_differs() -> bool:
    """Whether the seed of the process decides on dropout noise while the request's seed decides on weights."""
    rows = torch.from_numpy(make_global_batches(2)[0].inputs)
    quiet, noisy = [], []
    for seed in (1, 2):
        seed_process(seed, 1)
        network = build_network(request_convnet(dropout=0.5))
        noisy.append(network(rows))
        quiet.append(network.eval()(rows))
    return torch.equal(*quiet) and not torch.equal(*noisy)
