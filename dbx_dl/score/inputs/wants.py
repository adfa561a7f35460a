"""What a model wants of one column, in words and in a form that a column's type can be held against."""

from __future__ import annotations

from dataclasses import dataclass

_WORDS = {
    "number": ("number", "numbers"),
    "integer": ("integer", "integers"),
    "truth": ("boolean", "booleans"),
    "text": ("text", "texts"),
}


@dataclass(frozen=True)
class Want:
    """One column that a model takes.

    `element` is number, integer, truth, text, category, timestamp, image bytes or audio bytes; `dims` are the lengths
    of the nested arrays that hold them (none: the element itself; None: any length).
    """

    name: str
    element: str
    dims: tuple[int | None, ...] = ()

    @property
    def text(self) -> str:
        """The want in words: `number`, `array of 3 numbers`, `array of 2 arrays of integers`."""
        one, many = _WORDS.get(self.element, (self.element, self.element))
        words = "array of" if self.dims else one
        for place, dim in enumerate(self.dims):
            is_last = place == len(self.dims) - 1
            count = "" if dim is None else f" {dim}"
            words += f"{count} {many}" if is_last else f"{count} arrays of"
        return words
