"""How labels that are texts are cut into tokens, which a network learns to write."""

from __future__ import annotations

from dbx_dl.config.columns import TextColumn


class LabelText(TextColumn):
    """Labels of the task `sequence`, cut as a text column is, with a vocabulary and a length of their own.

    Texts are cut after `max_length` tokens, where it is not given after as many as the longest one of the train split
    has, at most 64: a file takes that many steps for every row. Scores join tokens by `joiner`, in small letters unless
    `lowercase` is false.
    """

    joiner: str = " "
