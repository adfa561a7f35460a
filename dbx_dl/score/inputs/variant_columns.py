"""A SQL function that gives a pandas UDF as text what pandas would spoil, whatever types its columns have.

A function of SQL casts its arguments to the types of its parameters. Those of type VARIANT take any of them, and say
what they hold: a timestamp stays apart from a local one and from a date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.score.inputs.wants import Want

_WHOLE = ("BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT")
_AS = "variant_get({value}, '$', '%s')"
_LOCAL = f"try_cast(concat(cast({_AS % 'timestamp_ntz'} AS string), 'Z') AS timestamp)"
_DAYS = f"cast(unix_date({_AS % 'date'}) AS bigint)"
# What a column wants -> kinds of variants, and the value that goes on; text as `pandas_columns` reads it.
_WAYS: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = {
    "number": (((*_WHOLE, "FLOAT", "DOUBLE", "DECIMAL"), _AS % "double"),),
    "integer": ((_WHOLE, f"cast({_AS % 'bigint'} AS string)"),),
    "truth": ((("BOOLEAN",), _AS % "boolean"),),
    "text": ((("STRING", *_WHOLE), _AS % "string"),),
    "category": ((("STRING", *_WHOLE), _AS % "string"),),
    "image bytes": ((("BINARY",), _AS % "binary"),),
    "audio bytes": ((("BINARY",), _AS % "binary"),),
    "timestamp": (
        (("TIMESTAMP",), f"cast(unix_micros({_AS % 'timestamp'}) AS string)"),
        (("TIMESTAMP_NTZ",), f"cast(unix_micros({_LOCAL}) AS string)"),
        (("DATE",), f"cast(try_multiply({_DAYS}, 86400000000) AS string)"),
    ),
}
_ELEMENTS = {"number": "double", "integer": "bigint", "truth": "boolean", "text": "string"}
_ABSENT = """parse_json('{"absent": true}')"""


def define_function(name: str, inner: str, wants: Sequence[Want]) -> str:
    """The statement that makes `name` a temporary function which calls the UDF registered as `inner`.

    It takes the wanted columns, by position or by name, or `to_variant_object(struct(…))` with them as fields. A value
    of another type fails the job, with its column and what the model takes there.
    """
    names = [_quote(want.name) for want in wants]
    parameters = [f"{names[0]} VARIANT", *(f"{each} VARIANT DEFAULT {_ABSENT}" for each in names[1:])]
    values = [_convert(want, _pick(want, names[0], place)) for place, want in enumerate(wants)]
    return (
        f"CREATE OR REPLACE TEMPORARY FUNCTION {_quote(name)}({', '.join(parameters)}) "
        f"RETURN {_quote(inner)}({', '.join(values)})"
    )


def _pick(want: Want, first: str, place: int) -> str:
    """The variant of a column: its own parameter, or a field of the first one where that is an object."""
    own, path = _quote(want.name), _literal(f"$[{_path_step(want.name)}]")
    field = f"WHEN {_kind(first)} = 'OBJECT' THEN variant_get({first}, {path}, 'variant')"
    if place == 0:
        return f"CASE {field} ELSE {own} END"
    # Of an object that is null, nothing tells that it is one.
    return f"CASE {field} WHEN {first} IS NULL AND {_kind(own)} = 'OBJECT' THEN NULL ELSE {own} END"


def _convert(want: Want, value: str) -> str:
    if want.dims:
        kind = "array<" * len(want.dims) + _ELEMENTS.get(want.element, "string") + ">" * len(want.dims)
        ways: tuple[tuple[tuple[str, ...], str], ...] = ((("ARRAY",), _AS % kind),)
    else:
        ways = _WAYS[want.element]
    kind = _kind(value)
    cases = " ".join(
        f"WHEN {kind} IN ({', '.join(map(_literal, kinds))}) THEN {way.format(value=value)}" for kinds, way in ways
    )
    before, after = f"column '{want.name}' holds ", f", but the model takes {want.text} there"
    shown = f"CASE {kind} WHEN 'OBJECT' THEN 'nothing' ELSE lower({kind}) END"
    refused = f"raise_error(concat({_literal(before)}, {shown}, {_literal(after)}))"
    return f"CASE {cases} WHEN {kind} <> 'VOID' THEN {refused} END"


def _kind(value: str) -> str:
    """The name of a variant's type without parameters; null of a null."""
    return f"regexp_extract(schema_of_variant({value}), '^[A-Z_]+', 0)"


def _path_step(name: str) -> str:
    return f"'{name}'" if '"' in name else f'"{name}"'


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _quote(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
