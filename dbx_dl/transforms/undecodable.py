"""What is wrong with bytes that hold nothing usable: a short code, and a sentence for people."""

from __future__ import annotations

from typing import Self

from dbx_dl.errors import DataError


class UndecodableError(DataError):
    """Bytes of a file that cannot be used; `code` says why in a word, `detail` in a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        """Survive the way from a worker process to the caller with both attributes."""
        return type(self), (self.code, self.detail)


def one_line(error: Exception) -> str:
    """The error's type and text, without line breaks."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
