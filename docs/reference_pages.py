"""Writes the generated part of the reference: every config key, command, network, task and public function."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

sys.path.insert(0, str(Path(__file__).parents[1]))

import dbx_dl
from dbx_dl import contracts
from dbx_dl.cli import app
from dbx_dl.command_examples import EXAMPLES, EXIT_CODES
from dbx_dl.config import RunConfig
from dbx_dl.config.section import Section

NOTE = "<!-- Written by docs/reference_pages.py; `make docs` writes it anew. -->\n"


def write_reference(folder: Path) -> list[Path]:
    """Write all generated pages into the folder; returns their paths."""
    pages = {
        "config.md": write_config_page(),
        "commands.md": write_commands_page(),
        "networks.md": write_networks_page(),
        "functions.rst": "".join(f".. autofunction:: dbx_dl.{name}\n\n" for name in dbx_dl.__all__),
        "contracts.rst": "".join(f".. autoclass:: dbx_dl.contracts.{name}\n\n" for name in _list_contracts()),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in pages]


# ---- config ----------------------------------------------------------------------------------------------------------


def write_config_page() -> str:
    """Markdown of every section that a run's YAML file may have, with every key."""
    parts = [
        f"{NOTE}# Every key of a run\n\nA run is one YAML file. Keys without a default are required; a key that is not "
        "listed is refused. `--set KEY=VALUE` takes the place of a value on the command line.\n"
    ]
    for place, section in walk_sections(RunConfig, ""):
        title = f"`{place}`" if place else "The file"
        parts.append(f"\n## {title}\n\n{_paragraphs(section)}\n\n{_tabulate(section)}")
    return "".join(parts)


def walk_sections(section: type[BaseModel], place: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """The section and all that lie in it, with the dotted keys they lie at; kinds of one key follow each other."""
    yield place, section
    for name, field in section.model_fields.items():
        key = f"{place}.{name}" if place else name
        for inner in _sections_of(field.annotation):
            tag = _tag_of(inner)
            yield from walk_sections(inner, f"{key}{_many(field.annotation)}{f' ({tag})' if tag else ''}")


def _tabulate(section: type[BaseModel]) -> str:
    rows = [
        f"| `{name}` | {_show_type(field.annotation)}{_show_bounds(field)} | {_show_default(field)} |"
        for name, field in section.model_fields.items()
    ]
    return "\n".join(["| key | value | default |", "|---|---|---|", *rows]) + "\n"


def _sections_of(annotation: Any) -> list[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    return list(dict.fromkeys(inner for part in get_args(annotation) for inner in _sections_of(part)))


def _many(annotation: Any) -> str:
    """How a key of several sections goes on: `.<name>` in a mapping, `[]` in a list."""
    origin = get_origin(annotation)
    if origin is dict:
        return ".<name>"
    if origin in (tuple, list):
        return "[]"
    return next((found for part in get_args(annotation) if (found := _many(part))), "")


def _tag_of(section: type[BaseModel]) -> str:
    """`kind: images` and the like, where one value of a key says which section it is."""
    for name in ("kind", "format"):
        field = section.model_fields.get(name)
        values = get_args(field.annotation) if field is not None else ()
        if len(values) == 1:
            return f"{name}: {values[0]}"
    return ""


def _show_type(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_show_type(part) for part in get_args(annotation) if part is not type(None)))
    if origin is dict:
        return f"mapping of names to {_show_type(get_args(annotation)[1])}"
    if origin in (tuple, list):
        return f"list of {_show_type(next(part for part in get_args(annotation) if part is not Ellipsis))}"
    if origin is not None:  # Annotated
        return _show_type(get_args(annotation)[0])
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return "section"
    return {str: "text", int: "integer", float: "number", bool: "true or false"}.get(
        annotation, getattr(annotation, "__name__", str(annotation))
    )


def _show_bounds(field: FieldInfo) -> str:
    signs = (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="), ("min_length", "at least"))
    found = [
        f"{sign} {getattr(entry, name)}" for entry in field.metadata for name, sign in signs if hasattr(entry, name)
    ]
    return f", {', '.join(found)}" if found else ""


def _show_default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.default_factory() if field.default_factory is not None else field.default  # type: ignore[call-arg]
    if default is PydanticUndefined or isinstance(default, BaseModel):
        return "its defaults"
    if default is None or default in ((), {}, ""):
        return "–"
    shown = ", ".join(map(repr, default)) if isinstance(default, tuple) else str(default)
    return f"`{str(default).lower() if isinstance(default, bool) else shown}`"


# ---- commands, networks, tasks, contracts ----------------------------------------------------------------------------


def write_commands_page() -> str:
    """Markdown of every command with its arguments and examples, and the exit codes."""
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items())
    parts = [
        f"{NOTE}# Commands\n\nProgress goes to stderr, what came out to stdout; with `--json` an object a line. The "
        f"scripts in `jobs/` are the same commands.\n\n| exit code | means |\n|---|---|\n{codes}\n"
    ]
    for name, command in _list_commands().items():
        rows = "\n".join(_show_parameter(parameter) for parameter in command.params)
        examples = "\n".join(EXAMPLES.get(name, ()))
        parts.append(
            f"\n## dbx-dl {name}\n\n{command.help}\n\n| argument or option | |\n|---|---|\n{rows}\n\n"
            f"```text\n{examples}\n```\n"
        )
    return "".join(parts)


def _list_commands() -> dict[str, Any]:
    """Commands as they are typed, those of groups too."""
    group: Any = typer.main.get_command(app)
    return {
        f"{name} {inner}".strip(): found
        for name, command in group.commands.items()
        for inner, found in getattr(command, "commands", {"": command}).items()
    }


def _show_parameter(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    shown = "`, `".join(parameter.opts + parameter.secondary_opts) if is_option else parameter.name.upper()
    needed = " (required)" if parameter.required else ""
    return f"| `{shown}`{needed} | {getattr(parameter, 'help', '') or ''} |"


def write_networks_page() -> str:
    """Markdown of the built-in networks and the tasks."""
    from dbx_dl.frameworks.listing import list_networks, list_tasks, tabulate_networks, tabulate_tasks

    networks, tasks = tabulate_networks(list_networks()), tabulate_tasks(list_tasks())
    return (
        f"{NOTE}# Networks and tasks\n\nEvery network is the same in Keras and PyTorch: layers, names, number of "
        f"parameters.\n\n{_as_table(networks)}\n## Tasks\n\n`train.task` takes the same labels to another task.\n\n"
        f"{_as_table(tasks)}"
    )


def _as_table(rows: list[tuple[str, ...]]) -> str:
    header, *others = rows
    lines = [header, tuple("---" for _ in header), *others]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in lines)


def _list_contracts() -> list[str]:
    names = [name for name in contracts.__all__ if inspect.isclass(getattr(contracts, name))]
    return sorted(names)


def _paragraphs(section: type[BaseModel]) -> str:
    """What the section says of itself, and then what those say whose keys it has too."""
    own = [
        kind.__dict__.get("__doc__") for kind in section.__mro__ if issubclass(kind, Section) and kind is not Section
    ]
    return "\n\n".join(inspect.cleandoc(text) for text in own if text)
