"""The columns of a source and its task: as an earlier prepare found them, as declared, or inferred."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from dbx_dl.config import ColumnConfig
from dbx_dl.prepare.tabular.column_kinds import find_columns, list_columns, needs_survey
from dbx_dl.prepare.tabular.row_checks import select_read
from dbx_dl.prepare.tabular.source_survey import ColumnSurvey, survey_columns, type_family
from dbx_dl.prepare.tabular.spec_files import log_spec, write_spec
from dbx_dl.prepare.tabular.targets import find_task
from dbx_dl.runtime.row_sources import describe_source
from dbx_dl.runtime.tables import require_columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from dbx_dl.config import PrepareTableConfig
    from dbx_dl.contracts import TaskName
    from dbx_dl.prepare.commits import PresentTable

_COLUMNS: TypeAdapter[dict[str, ColumnConfig]] = TypeAdapter(dict[str, ColumnConfig])


@dataclass(frozen=True)
class TableSchema:
    """How every column of a source is read, and what is learned."""

    columns: Mapping[str, ColumnConfig]
    task: TaskName

    def dump(self) -> dict[str, Any]:
        """The schema as plain values, for `load_schema`."""
        return {"columns": _COLUMNS.dump_python(dict(self.columns), mode="json"), "task": self.task}


def find_schema(raw: DataFrame, config: PrepareTableConfig, earlier: PresentTable | None) -> TableSchema:
    """The schema of the earlier prepare, else what is declared and what one pass infers; told, and written where asked.

    DataError when a column that it names is absent.
    """
    if earlier is not None:
        schema = load_schema(earlier.settings["schema"])
        what = describe_source(config.source, config.source_format)
        require_columns(raw, [config.key, config.label, *select_read(schema.columns)], what)
        return schema
    names = [name for name in list_columns(raw, config) if needs_survey(name, config)]
    asked = config.label if config.task is None else None
    surveys = survey_columns(raw, names, asked, config.null_tokens)
    label = surveys.get(config.label) or ColumnSurvey(type_family(raw.schema[config.label].dataType))
    task = find_task(config, label)
    columns = find_columns(raw, config, surveys)
    log_spec(task, columns)
    if config.write_spec is not None:
        write_spec(config.write_spec, task, columns)
    return TableSchema(columns, task)


def load_schema(values: Mapping[str, Any]) -> TableSchema:
    """The schema that `TableSchema.dump` gave."""
    return TableSchema(_COLUMNS.validate_python(values["columns"]), values["task"])
