"""What jobs, notebooks and tests import of the package is there, those that only run on other machines too."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.rules.source_files import ROOT, list_files, name_of, parse


def test_imported_names_are_there() -> None:
    missing = [
        f"{name_of(path)}:{node.lineno}: {node.module} has no {alias.name}"
        for path in list_files("jobs", "notebooks", "tests")
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in ("dbx_dl", "tests")
        for alias in node.names
        if not _has(node.module, alias.name)
    ]
    assert missing == []


def _has(module: str, name: str) -> bool:
    return _find(f"{module}.{name}") is not None or name in _list_names(module)


@cache
def _list_names(module: str) -> frozenset[str]:
    path = _find(module)
    if path is None:
        return frozenset()
    found: set[str] = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return frozenset(found)


def _find(module: str) -> Path | None:
    place = ROOT.joinpath(*module.split("."))
    paths = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in paths if path.is_file()), None)
