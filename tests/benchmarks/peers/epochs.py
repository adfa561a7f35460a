"""Runs in a peer's environment: epochs of its own loader over a table, with this package's decoding of every row.

Every line on standard input is a question in JSON, answered by a line `answer JSON`. The first has a `table`, which
mosaicml-streaming copies; the answer is the copy's size in bytes. The others ask for an epoch, by `batch_size`, number
of `workers` (0: in this process) and `seconds` after which it is cut short; the answer is its seconds and rows.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from dbx_dl.contracts import FeatureSpec, ImageSpec, PreparedTable
from dbx_dl.transforms.columns import TabularEncoder
from dbx_dl.transforms.images import decode_image

Rows = list[dict[str, Any]]


class Collate:
    """Rows as dictionaries become a batch: images were decoded row by row, columns are encoded together."""

    def __init__(self, inputs: ImageSpec | FeatureSpec) -> None:
        self._inputs = inputs

    def __call__(self, rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
        inputs = self._inputs
        labels = torch.tensor([int(row["label_index"]) for row in rows])
        if isinstance(inputs, ImageSpec):
            return torch.from_numpy(np.stack([row[inputs.column] for row in rows])), labels
        if "columns" in rows[0]:
            columns = dict(zip(inputs.columns, np.stack([row["columns"] for row in rows]).T, strict=True))
        else:
            columns = {name: np.array([row[name] for row in rows]) for name in inputs.columns}
        return torch.from_numpy(open_encoder(inputs).encode(pa.table(columns))), labels


@cache
def open_encoder(inputs: FeatureSpec) -> TabularEncoder:
    """One in each process."""
    return TabularEncoder(inputs)


def write_shards(prepared: PreparedTable, folder: Path) -> int:
    """A table as MDS shards, all columns of a row in one array; their size in bytes."""
    from streaming import MDSWriter

    inputs = prepared.inputs
    is_image = isinstance(inputs, ImageSpec)
    name, kind = (inputs.column, "bytes") if is_image else ("columns", f"ndarray:float64:{len(inputs.columns)}")
    with MDSWriter(out=str(folder), columns={name: kind, "label_index": "int32"}) as writer:
        for path in sorted(Path(prepared.table.path).glob("split=train/*.parquet")):
            table = pq.read_table(path)
            labels = table.column("label_index").to_numpy()
            values = table.column(name).to_pylist() if is_image else np.stack([table[c] for c in inputs.columns], 1)
            for value, label in zip(values, labels, strict=True):
                writer.write({name: value, "label_index": np.int32(label)})
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def open_shards(prepared: PreparedTable, folder: Path, batch_size: int, workers: int) -> Iterable[Any]:
    """mosaicml-streaming's shuffled loader."""
    from streaming import StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    inputs = prepared.inputs

    class Decoded(StreamingDataset):  # type: ignore[misc]
        """Samples with pixels instead of files."""

        def __getitem__(self, at: Any) -> Any:
            row = super().__getitem__(at)
            if isinstance(inputs, ImageSpec):
                row[inputs.column] = decode_image(row[inputs.column], inputs)
            return row

    clean_stale_shared_memory()
    rows = Decoded(local=str(folder), shuffle=True, batch_size=batch_size)
    return torch.utils.data.DataLoader(rows, batch_size, num_workers=workers, collate_fn=Collate(inputs))


def open_delta(prepared: PreparedTable, batch_size: int, workers: int) -> Iterable[Any]:
    """deltatorch's loader, which shuffles inside Arrow's record batches; `id` counts the table's rows."""
    from deltatorch import FieldSpec, create_pytorch_dataloader

    inputs = prepared.inputs
    if isinstance(inputs, ImageSpec):
        fields = [FieldSpec(inputs.column, transform=lambda data: decode_image(data, inputs))]
    else:
        fields = [FieldSpec(name) for name in inputs.columns]
    return create_pytorch_dataloader(  # type: ignore[no-any-return]
        prepared.table.path,
        id_field="id",
        fields=[*fields, FieldSpec("label_index")],
        shuffle=True,
        batch_size=batch_size,
        num_workers=workers,
        collate_fn=Collate(inputs),
    )


def read_epoch(batches: Iterable[Any], until: float) -> int:
    """Rows that came before that time."""
    num_rows = 0
    for _, labels in batches:
        num_rows += len(labels)
        if time.perf_counter() > until:
            break
    return num_rows


def main() -> None:
    """Answer until there are no more questions."""
    peer, work = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    # As many threads as workers, like the others.
    pa.set_cpu_count(1)
    prepared = PreparedTable.model_validate(json.loads(sys.stdin.readline())["table"])
    print("answer", write_shards(prepared, work) if peer == "mosaicml-streaming" else 0, flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        sizes = (question["batch_size"], question["workers"])
        started = time.perf_counter()
        batches = open_shards(prepared, work, *sizes) if peer == "mosaicml-streaming" else open_delta(prepared, *sizes)
        num_rows = read_epoch(batches, started + question["seconds"])
        print("answer", json.dumps([time.perf_counter() - started, num_rows]), flush=True)


if __name__ == "__main__":
    main()
