"""Every file says what it is in a sentence, stays small, and is named after the thing it makes."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from statistics import median

from tests.rules.source_files import list_files, list_functions, name_of, parse

MAX_FILE_LINES, MAX_FUNCTION_LINES = 350, 60
MEDIAN_FILE_LINES, MEDIAN_FUNCTION_LINES = 150, 12
VAGUE = {"util", "utils", "helper", "helpers", "common", "base", "core", "misc", "manager", "managers"}
MODULES = list_files("dbx_dl", "jobs", "tests")


def test_modules_say_what_they_are_in_one_sentence() -> None:
    silent = [name_of(path) for path in MODULES if not _opens_with_a_sentence(ast.get_docstring(parse(path)) or "")]
    assert silent == [], "docstrings must open with one sentence, more goes below it"


def test_files_and_functions_stay_small() -> None:
    paths = [*MODULES, *list_files("notebooks")]
    assert [name_of(path) for path in paths if _count_lines(path) > MAX_FILE_LINES] == []
    long = [
        f"{name_of(path)}: {node.name}"
        for path in paths
        for node in list_functions(path)
        if _length(node) > MAX_FUNCTION_LINES
    ]
    assert long == []


def test_files_and_functions_are_small_as_a_rule() -> None:
    package = list_files("dbx_dl")
    assert median(_count_lines(path) for path in package) <= MEDIAN_FILE_LINES
    assert median(_length(node) for path in package for node in list_functions(path)) <= MEDIAN_FUNCTION_LINES


def test_no_vague_names() -> None:
    vague = [name_of(path) for path in MODULES if VAGUE & {path.stem, *path.parent.parts}]
    vague += [
        f"{name_of(path)}: {node.name}"
        for path in list_files("dbx_dl", "jobs")
        for node in list_functions(path)
        if VAGUE & set(node.name.split("_"))
    ]
    assert vague == []


def test_public_functions_and_classes_have_docstrings() -> None:
    silent = [
        f"{name_of(path)}: {node.name}"
        for path in list_files("dbx_dl")
        for node in parse(path).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def _opens_with_a_sentence(docstring: str) -> bool:
    sentence = " ".join(docstring.split("\n\n")[0].split())
    return sentence.endswith(".") and not re.search(r"\. [A-Z]", sentence)


def _count_lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
