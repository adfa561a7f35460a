"""A YAML text as the mapping that it writes; a key that stands twice is refused, which PyYAML would not do."""

from __future__ import annotations

from typing import Any

import yaml


def read_mapping(text: str) -> dict[str, Any]:
    """The mapping of a YAML text; ValueError says in a line what it is instead, or where it cannot be read."""
    try:
        # It is a SafeLoader: it makes plain values alone.
        values = yaml.load(text, Loader=_StrictLoader)
    except RecursionError:
        raise ValueError("is not valid YAML: it is nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        raise ValueError(f"is not valid YAML: {_explain(error)}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"is not valid YAML: {' '.join(str(error).split())}") from None
    if values is None:
        raise ValueError("is empty: it must hold a mapping of keys, such as `name: digits`")
    if not isinstance(values, dict):
        raise ValueError(f"must hold a mapping of keys, such as `name: digits`, and holds a {type(values).__name__}")
    return values


class _StrictLoader(yaml.SafeLoader):
    """A SafeLoader that refuses a key which stands twice in one mapping: the first value would be lost unseen."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # As written: keys that `<<` merges in come later, and a mapping's own may replace them.
        node = super().compose_mapping_node(anchor)
        written: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if (key.tag, key.value) in written:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} stands twice in one section: keep one of them",
                    problem_mark=key.start_mark,
                )
            written.add((key.tag, key.value))
        return node


def _explain(error: yaml.MarkedYAMLError) -> str:
    """Line, column and problem, without PyYAML's picture of the place."""
    mark = error.problem_mark or error.context_mark
    place = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
    problem = error.problem or error.context or "it cannot be read"
    if r"'\t'" in problem:
        problem = "a tab stands where YAML takes spaces alone: indent with spaces"
    elif error.context and error.problem:
        problem = f"{error.context}: {problem}"
    return place + problem
