"""Settings of prepare: each function takes its own kind, and a table is updated only with those it was made with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbx_dl.config import PrepareAudioConfig, PrepareImagesConfig, PrepareTableConfig
from dbx_dl.errors import ConfigError, DataError

if TYPE_CHECKING:
    from dbx_dl.prepare.commits import PresentTable
    from dbx_dl.prepare.splits import SplitBounds


_FUNCTIONS: dict[type, str] = {
    PrepareImagesConfig: "prepare_images",
    PrepareAudioConfig: "prepare_audio",
    PrepareTableConfig: "prepare_table",
}


def require_section(config: Any, kind: type) -> None:
    """ConfigError for another kind of section than the function of this one takes: the message names its own."""
    if isinstance(config, kind):
        return
    own = _FUNCTIONS.get(type(config))
    raise ConfigError(
        f"{_FUNCTIONS[kind]} takes a {kind.__name__}, got a {type(config).__name__}{f': call {own}' if own else ''}"
    )


def require_same_settings(earlier: PresentTable | None, settings: dict[str, Any], table: str) -> None:
    """DataError, with the first setting that differs, unless the earlier prepare was given the same ones."""
    if earlier is None:
        return
    for name, value in settings.items():
        before = earlier.settings.get(name)
        if not _is_same(before, value):
            changed = _first_difference(name, before, value)
            raise DataError(
                f"table {table} was prepared with {changed}: set `refit: true` to make it anew, or name another table"
            )


def split_bounds_of(earlier: PresentTable) -> SplitBounds:
    """The bounds that the earlier prepare fitted, so that a row never changes its split."""
    return {name: (float(a), float(b)) for name, (a, b) in earlier.settings["split_bounds"].items()}


def _is_same(before: Any, value: Any) -> bool:
    """An option that an earlier version did not know counts as not given."""
    if isinstance(before, dict) and isinstance(value, dict):
        return all(_is_same(before.get(key), value.get(key)) for key in {*before, *value})
    return bool(before == value)


def _first_difference(name: str, before: Any, value: Any) -> str:
    if isinstance(before, dict) and isinstance(value, dict):
        for key in value:
            if not _is_same(before.get(key), value[key]):
                return _first_difference(f"{name}.{key}", before.get(key), value[key])
    return f"{name} = {before!r}, not {value!r}"
