"""What only people know of a model, for its card."""

from __future__ import annotations

from pydantic import Field

from dbx_dl.config.section import Section


class CardConfig(Section):
    """Texts of a model card that no run can tell: sentences, which stand in the card as they are.

    `intended_use`: what the model is for and who uses it; `out_of_scope`: what it must not be used for;
    `ethical_considerations`: who may be harmed and how that is met; `caveats`: what else is to be known, a sentence
    each; `contact`: whom to ask.
    """

    intended_use: str | None = Field(default=None, min_length=1)
    out_of_scope: str | None = Field(default=None, min_length=1)
    ethical_considerations: str | None = Field(default=None, min_length=1)
    caveats: tuple[str, ...] = ()
    contact: str | None = Field(default=None, min_length=1)
