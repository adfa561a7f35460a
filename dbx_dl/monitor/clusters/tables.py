"""Profiles of clusters as tables that people read: one beside the other, what is typical of each, which are alike."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.runtime.markdown_texts import escape_cell, escape_markup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.contracts import ClusterPair, ClusterProfiles, ColumnContrast, ValueProfile

# Files that hold profiles, and the pictures that go with them.
PROFILES, MAP, EXAMPLES = "clusters.json", "clusters.png", "cluster_examples.png"
MISSING = "–"
_NUM_TYPICAL = 5
_MAX_PAIRS = 45
# A value is typical of a cluster from this share of it, and from so many times its share of all rows, on.
_LEAST_SHARE, _LEAST_LIFT = 0.1, 1.2


@dataclass(frozen=True)
class TextTable:
    """A table of text with a title and a header."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def cut(self, num_columns: int) -> tuple[TextTable, ...]:
        """Tables of so many columns beside the first two, which each of them has; a terminal is narrow."""
        starts = range(2, max(len(self.header), 3), num_columns)
        lines = (self.header, *self.rows)
        parts = [[(*line[:2], *line[start : start + num_columns]) for line in lines] for start in starts]
        return tuple(TextTable(self.title, header, tuple(rows)) for header, *rows in parts)

    def to_markdown(self) -> str:
        """The table under its title."""
        lines = [self.header, ("---",) * len(self.header), *self.rows]
        return f"## {self.title}\n\n" + "".join(f"| {' | '.join(map(escape_cell, line))} |\n" for line in lines)


def tabulate_clusters(profiles: ClusterProfiles) -> tuple[TextTable, ...]:
    """Clusters beside all rows; values that are typical of each; pairs of clusters, the most alike first."""
    tables = (_tabulate_profiles(profiles), _tabulate_typical(profiles), _tabulate_pairs(profiles.pairs))
    return tuple(table for table in tables if table.rows)


def to_markdown(profiles: ClusterProfiles) -> str:
    """All tables, and what they are of."""
    table = profiles.table
    named = ", ".join(f"{value:.3f} by {space}" for space, value in profiles.silhouettes.items())
    head = (
        f"# Clusters of {profiles.network} ({profiles.framework})\n\n"
        f"{profiles.num_rows:,} rows of {escape_markup(table.name)}, version {table.version}. Silhouette of "
        f"{profiles.num_sampled:,} rows of the {profiles.split} split: {named}.\n"
    )
    return "\n".join([head, *(found.to_markdown() for found in tabulate_clusters(profiles))])


def to_csv(profiles: ClusterProfiles) -> str:
    """The table of clusters beside all rows, with the shares of all values, as CSV; numbers as they are."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("column", "value", "measure", "whole", *range(len(profiles.sizes))))
    total = sum(profiles.sizes)
    writer.writerow(("", "", "rows", total, *profiles.sizes))
    writer.writerow(("", "", "share", 1.0, *(size / max(total, 1) for size in profiles.sizes)))
    for number in profiles.numbers:
        for measure in ("mean", "median", "deviation"):
            cells = (getattr(part, measure) for part in (number.whole, *number.clusters))
            writer.writerow((number.column, "", measure, *("" if cell is None else cell for cell in cells)))
    for value in (*profiles.classes, *profiles.values):
        writer.writerow((value.column, value.value, "share", value.whole, *value.clusters))
    return file.getvalue()


def _tabulate_profiles(profiles: ClusterProfiles) -> TextTable:
    total = sum(profiles.sizes)
    header = ("", "all rows", *(f"cluster {number}" for number in range(len(profiles.sizes))))
    rows = [
        ("rows", f"{total:,}", *(f"{size:,}" for size in profiles.sizes)),
        ("share", "100 %", *(_percent(size / max(total, 1)) for size in profiles.sizes)),
        ("silhouette", _number(next(iter(profiles.silhouettes.values()), None)), *_silhouettes(profiles)),
    ]
    rows += [
        (f"{value.column} is {value.value}", _percent(value.whole), *map(_percent, value.clusters))
        for value in profiles.classes
    ]
    for number in profiles.numbers:
        parts = (number.whole, *number.clusters)
        rows.append((f"{number.column}: mean", *(_number(part.mean) for part in parts)))
        rows.append((f"{number.column}: median", *(_number(part.median) for part in parts)))
    return TextTable("Clusters beside all rows", header, tuple(rows))


def _silhouettes(profiles: ClusterProfiles) -> tuple[str, ...]:
    return tuple(map(_number, profiles.silhouette_by_cluster))


def _tabulate_typical(profiles: ClusterProfiles) -> TextTable:
    rows = []
    for cluster, size in enumerate(profiles.sizes):
        found = [value for value in profiles.values if size and _is_typical(value, cluster)]
        found.sort(key=lambda value: value.whole - value.clusters[cluster])
        rows += [
            (
                f"cluster {cluster}",
                f"{value.column} is {value.value or 'empty'}",
                _percent(value.clusters[cluster]),
                _percent(value.whole),
                f"{value.lift(cluster):.1f}",
            )
            for value in found[:_NUM_TYPICAL]
        ]
    return TextTable("What is typical", ("", "value", "of the cluster", "of all rows", "lift"), tuple(rows))


def _is_typical(value: ValueProfile, cluster: int) -> bool:
    return value.clusters[cluster] >= _LEAST_SHARE and value.lift(cluster) >= _LEAST_LIFT


def _tabulate_pairs(pairs: Sequence[ClusterPair]) -> TextTable:
    header = ("clusters", "difference", "apart by", "alike in")
    rows = tuple(
        (
            f"{pair.first} and {pair.second}",
            f"{pair.difference:.2f}",
            ", ".join(map(_describe, pair.apart)),
            ", ".join(map(_describe, pair.alike)),
        )
        for pair in pairs[:_MAX_PAIRS]
    )
    return TextTable("Likenesses and differences, the most alike first (0.2 is small, 0.8 large)", header, rows)


def _describe(contrast: ColumnContrast) -> str:
    name = contrast.column if contrast.value is None else f"{contrast.column} is {contrast.value or 'empty'}"
    return f"{name} {contrast.difference:+.2f}"


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.4g}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
