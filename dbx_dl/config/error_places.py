"""Where a validation error lies in a config as people write it, without the tags that pydantic puts between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel


@dataclass(frozen=True)
class KeyPlace:
    """`place`: dotted keys as in the YAML; `name` its last one; what may stand there.

    `valid_keys` are those of the section that the key lies in. `kinds` are the values that choose between the kinds of
    section that are possible at this very place (empty where there is no choice).
    """

    place: str
    name: str
    valid_keys: tuple[str, ...]
    kinds: tuple[str, ...]


def find_place(section: type[BaseModel], location: Sequence[str | int]) -> KeyPlace:
    """The place of an error's `loc` in a config of that section."""
    shown: list[str] = []
    valid_keys: tuple[str, ...] = ()
    here: Any = section
    for part in location:
        sections = _sections_of(here)
        if len(sections) > 1:  # pydantic names the kind of section here, which is no key
            here = next((kind for kind in sections if part in _tags_of(kind)), None)
            continue
        shown.append(str(part))
        if sections:
            valid_keys = tuple(sorted(sections[0].model_fields))
            field = sections[0].model_fields.get(str(part))
            here = field.annotation if field else None
        else:
            here = _member_of(here)
    kinds = _sections_of(here)
    tags = tuple(tag for kind in kinds for tag in _tags_of(kind)) if len(kinds) > 1 else ()
    return KeyPlace(".".join(shown), shown[-1] if shown else "", valid_keys, tags)


def _sections_of(annotation: Any) -> list[type[BaseModel]]:
    """The sections that a value of this type may be itself, not those inside a list or mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if _is_container(annotation):
        return []
    return [kind for part in get_args(annotation) for kind in _sections_of(part)]


def _member_of(annotation: Any) -> Any:
    """The type of the members of a list, tuple or mapping (optional ones too)."""
    if _is_container(annotation):
        members = [part for part in get_args(annotation) if part is not Ellipsis]
        return members[-1] if members else None
    return next((_member_of(part) for part in get_args(annotation) if _is_container(part)), None)


def _is_container(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Mapping | Sequence)


def _tags_of(section: type[BaseModel]) -> tuple[str, ...]:
    """The values of the fields that tell this kind of section from others: literals with one value."""
    values = [get_args(field.annotation) for field in section.model_fields.values()]
    return tuple(str(value[0]) for value in values if len(value) == 1 and isinstance(value[0], str))
