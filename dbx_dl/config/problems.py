"""What is wrong with a config, in the words of those who wrote it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from dbx_dl.config.error_places import KeyPlace, find_place
from dbx_dl.config.suggestions import suggest_name
from dbx_dl.contracts.secret_texts import HIDDEN, hide_values, is_secret_name

_MAX_SHOWN = 80
# What pydantic says in the words of Python.
_SAID = {
    "model_type": "it must be a section of keys",
    "dict_type": "it must be a section of keys",
    "tuple_type": "it must be a list, such as [a, b]",
    "list_type": "it must be a list, such as [a, b]",
    "invalid_key": "a key must be text: put it in quotes, or is it mistyped?",
}


def explain_problem(section: type[BaseModel], problem: Any) -> str:
    """One of pydantic's errors of a section: the key, the value and what is valid there."""
    found = find_place(section, problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"unknown key {found.place!r}; {suggest_name(found.name, found.valid_keys, 'keys')}"
    if problem["type"] == "missing":
        return f"key {found.place!r} is required"
    if problem["type"].startswith("union_tag_"):
        return _explain_tag(found, problem["ctx"])
    message = _SAID.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
    given = problem["input"]
    # A section's own rule says which of its values it is about.
    shown = "" if problem["type"] == "value_error" and isinstance(given, dict) else f" (got {_show(found, given)})"
    return f"{found.place}: {message}{shown}" if found.place else f"{message}{shown}"


def _explain_tag(found: KeyPlace, context: dict[str, Any]) -> str:
    """Say which key decides between several kinds of section, and what it may be."""
    key = f"{found.place}.{context['discriminator'].strip(chr(39))}"
    if "tag" not in context:
        return f"key {key!r} is required: one of {', '.join(found.kinds)}"
    return f"{key}: {context['tag']!r} is unknown; {suggest_name(context['tag'], found.kinds, 'values')}"


def _show(found: KeyPlace, given: Any) -> str:
    """The value, unless it is a secret: messages end up in logs."""
    if is_secret_name(found.place):
        return HIDDEN
    text = repr(hide_values(given))
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
