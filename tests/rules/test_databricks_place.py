"""One folder knows Databricks: its variables, `dbutils`, SDK and mounts are named nowhere else in the package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.rules.source_files import list_files, list_imports, name_of, parse

OWNER = "dbx_dl/runtime/databricks/"
ANYWHERE = ("DATABRICKS_", "dbutils", "databricks-uc", "clusterUsageTags")
AT_THE_START = ("/dbfs", "/Volumes", "dbfs:/Volumes", "databricks://")
# Examples are what people read, not what runs.
EXAMPLES = "dbx_dl/command_examples.py"
OTHERS = [path for path in list_files("dbx_dl", "jobs") if not name_of(path).startswith((OWNER, EXAMPLES))]


def test_only_one_folder_knows_databricks() -> None:
    assert [f"{name_of(path)}: {found}" for path in OTHERS for found in _find_all(path)] == []


def test_the_rule_finds_what_it_is_about() -> None:
    for code in ("os.environ['DATABRICKS_HOST']", "dbutils.widgets.get('a')", "Path('/Volumes/a')"):
        assert list(_find_knowledge(ast.parse(code))) != []
    assert (
        list(_find_knowledge(ast.parse("'''On Databricks dbutils does it.'''\nx = 'give a path below /Volumes'"))) == []
    )


def _find_all(path: Path) -> list[str]:
    imports = [used.module for used in list_imports(path) if used.package in ("databricks", "dbruntime")]
    return [*imports, *_find_knowledge(parse(path))]


def _find_knowledge(tree: ast.Module) -> Iterator[str]:
    prose = {id(node.body[0].value) for node in ast.walk(tree) if _has_docstring(node)}  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            if any(word in node.value for word in ANYWHERE) or node.value.startswith(AT_THE_START):
                yield f"{node.lineno}: {node.value!r}"
        elif isinstance(node, ast.Name) and "dbutils" in node.id.lower():
            yield f"{node.lineno}: {node.id}"


def _has_docstring(node: ast.AST) -> bool:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return isinstance(node, kinds) and ast.get_docstring(node) is not None
