"""The checkout's Python files as the rules see them: their syntax trees, imports, functions and docstrings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("dbx_dl", "jobs", "tests", "notebooks")


@dataclass(frozen=True)
class Import:
    """One module that a file imports when it runs; `is_lazy` where that happens inside a function."""

    module: str
    line: int
    is_lazy: bool

    @property
    def package(self) -> str:
        """The top-level package."""
        return self.module.partition(".")[0]


def list_files(*folders: str) -> list[Path]:
    """Python files below these folders of the checkout (all of FOLDERS when none is named), and no caches."""
    found = [path for folder in folders or FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "__pycache__" not in path.parts]


def name_of(path: Path) -> str:
    """The path relative to the checkout, with forward slashes."""
    return path.relative_to(ROOT).as_posix()


@cache
def parse(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def list_imports(path: Path) -> list[Import]:
    """What the file imports when it runs: those under `if TYPE_CHECKING` are left out."""
    return list(_walk_imports(parse(path).body, is_lazy=False))


def list_functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of the file, nested ones too."""
    return [node for node in ast.walk(parse(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _walk_imports(nodes: list[ast.stmt], is_lazy: bool) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, is_lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield Import(node.module, node.lineno, is_lazy)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _walk_imports(node.orelse, is_lazy)
        else:
            inside = is_lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from _walk_imports(list(_list_statements(node)), inside)


def _list_statements(node: ast.stmt) -> Iterator[ast.stmt]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from child.body
