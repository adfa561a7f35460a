"""The predictions table as delta-rs sees it: what it asks of a writer, and its replacement in one commit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import DataError
from dbx_dl.score.columnar.result_files import ResultFile

if TYPE_CHECKING:
    import pyarrow as pa

# What a table may ask of its writers that replacing all of its files in one commit does right.
_KNOWN_WRITER_FEATURES = frozenset(
    {
        "appendOnly",
        "invariants",
        "changeDataFeed",
        "deletionVectors",
        "timestampNtz",
        "vacuumProtocolCheck",
        "v2Checkpoint",
    }
)
_PLAIN_WRITER_VERSIONS = (1, 2)
_FEATURES_WRITER_VERSION = 7
_KNOWN_FIELD_METADATA = {"comment"}
# Commits among which an own one is, while a job runs.
_NUM_LATEST = 100


@dataclass(frozen=True)
class TargetFacts:
    """What decides whether a table's files may be replaced without Spark; `fields` are (name, type) as Delta's JSON."""

    fields: tuple[tuple[str, str], ...]
    partition_columns: tuple[str, ...] = ()
    is_append_only: bool = False
    column_mapping: str = "none"
    writer_version: int = 2
    writer_features: frozenset[str] = frozenset()
    reader_version: int = 1
    has_deletion_vectors: bool = False
    has_field_rules: bool = False


def explain_target(target: TargetFacts, fields: Sequence[tuple[str, str]]) -> str | None:
    """Why Spark must replace a table by predictions with these fields; None where it need not."""
    unknown = target.writer_features - _KNOWN_WRITER_FEATURES
    is_plain = target.writer_version in _PLAIN_WRITER_VERSIONS
    reasons = (
        (target.partition_columns, "it is partitioned"),
        (target.is_append_only, "it is append-only"),
        (target.column_mapping != "none", f"it has column mapping ({target.column_mapping})"),
        (unknown, f"it asks writers for {', '.join(sorted(unknown))}"),
        (
            not is_plain and target.writer_version != _FEATURES_WRITER_VERSION,
            f"it asks for Delta writer version {target.writer_version}",
        ),
        (target.has_deletion_vectors, "it has deletion vectors"),
        (target.has_field_rules, "its columns have rules of their own"),
        (tuple(fields) != target.fields, "its columns change"),
    )
    return next((reason for is_true, reason in reasons if is_true), None)


def read_fields(schema_json: str) -> tuple[tuple[str, str], ...]:
    """Name and type of every field of a schema in Delta's JSON, whatever it says of nulls."""
    return tuple(
        (field["name"], json.dumps(_forget_nulls(field["type"]), sort_keys=True))
        for field in json.loads(schema_json)["fields"]
    )


def read_target(path: str) -> TargetFacts:
    """The facts of the Delta table at a local path, at its latest version; DataError when it cannot be opened."""
    return _describe(_open(path))


def read_version(path: str) -> int:
    """The latest version of the Delta table at a local path; DataError when it cannot be opened."""
    return int(_open(path).version())


def find_target(path: str) -> bool:
    """Whether there is a Delta table at a local path; a log without commits is what a killed writer left."""
    return any(Path(path, "_delta_log").glob("*.json"))


def make_schema(schema_json: str) -> pa.Schema:
    """Delta's JSON as the Arrow schema of data files; every column may be null."""
    import pyarrow as pa
    from deltalake import Schema

    return pa.schema(Schema.from_json(schema_json).to_arrow())


def replace_files(
    path: str,
    schema_json: str,
    files: Sequence[ResultFile],
    *,
    after: int,
    mark: Mapping[str, Any],
    transaction: tuple[str, int],
) -> bool:
    """Make the files the table's only content, in one commit on version `after`; -1 for a table that is not there yet.

    `mark` are JSON values that the commit carries, `transaction` its app id and number. False, with nothing changed,
    where another writer was faster; DataError when the table cannot be written.
    """
    from deltalake import Schema
    from deltalake.exceptions import CommitFailedError, DeltaError
    from deltalake.transaction import CommitProperties, Transaction, create_table_with_add_actions

    schema, actions = Schema.from_json(schema_json), [_to_action(file) for file in files]
    metrics = {"numFiles": str(len(files)), "numOutputRows": str(sum(file.num_rows for file in files))}
    properties = CommitProperties(
        custom_metadata={"userMetadata": json.dumps(dict(mark)), "operationMetrics": metrics},
        max_commit_retries=0,
        app_transactions=[Transaction(*transaction)],
    )
    try:
        if after < 0:
            create_table_with_add_actions(path, schema, actions, mode="error", commit_properties=properties)
            return True
        table = _open(path)
        if table.version() != after:
            return False
        table.create_write_transaction(actions, "overwrite", schema, commit_properties=properties)
    except CommitFailedError:
        return False
    except DeltaError as error:
        if "already exists" in str(error):
            return False
        raise DataError(f"table {path} cannot be written: {str(error).splitlines()[0]}") from None
    return True


def is_committed(path: str, folder: str) -> bool:
    """Whether one of the table's latest commits names files of `folder`; also true where that cannot be found out.

    A commit may be made although the writer that made it then fails.
    """
    try:
        commits = sorted(Path(path, "_delta_log").glob("*.json"))[-_NUM_LATEST:]
        return any(f"{folder}/" in commit.read_text(encoding="utf-8") for commit in commits)
    except OSError:
        return True


def _open(path: str) -> Any:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        return DeltaTable(path)
    except (DeltaError, OSError) as error:
        raise DataError(f"table {path} cannot be opened: {str(error).splitlines()[0]}") from None


def _describe(table: Any) -> TargetFacts:
    import pyarrow as pa

    protocol, metadata = table.protocol(), table.metadata()
    settings = metadata.configuration
    features = frozenset(protocol.writer_features or ())
    schema_json = table.schema().to_json()
    vectors = pa.table(table.deletion_vectors()).num_rows if "deletionVectors" in features else 0
    return TargetFacts(
        fields=read_fields(schema_json),
        partition_columns=tuple(metadata.partition_columns),
        is_append_only=str(settings.get("delta.appendOnly", "false")).lower() == "true",
        column_mapping=settings.get("delta.columnMapping.mode") or "none",
        writer_version=protocol.min_writer_version,
        writer_features=features,
        reader_version=protocol.min_reader_version,
        has_deletion_vectors=vectors > 0,
        has_field_rules=any(
            set(field["metadata"]) - _KNOWN_FIELD_METADATA for field in json.loads(schema_json)["fields"]
        ),
    )


def _forget_nulls(kind: Any) -> Any:
    if isinstance(kind, dict):
        return {name: _forget_nulls(value) for name, value in kind.items() if name not in ("containsNull", "nullable")}
    return [_forget_nulls(value) for value in kind] if isinstance(kind, list) else kind


def _to_action(file: ResultFile) -> Any:
    from deltalake.transaction import AddAction

    return AddAction(file.path, file.size_bytes, {}, file.modified_at_ms, True, file.stats)
