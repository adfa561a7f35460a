"""What a project's labels may be: its task and its classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.runtime.tables import suggest_name

if TYPE_CHECKING:
    from pydantic import ValidationError

    from dbx_dl.config.label import LabelConfig
    from dbx_dl.contracts import LabelEvent, LabelTask


@dataclass(frozen=True)
class LabelRules:
    """The task that all labels have, and the classes that they may name; None and empty where anything goes."""

    task: LabelTask | None = None
    classes: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: LabelConfig) -> LabelRules:
        """Those of a project's config."""
        return cls(config.task, config.classes)

    def find_problem(self, event: LabelEvent) -> str | None:
        """Why an event cannot be one of this project's, None where it can."""
        if self.task is not None and event.task != self.task:
            return f"the task is {event.task}, and this project's is {self.task}"
        for name in event.names if self.classes else ():
            if name not in self.classes:
                return f"label {name!r} is none of the classes; {suggest_name(name, self.classes)}"
        return None


def explain(error: ValidationError) -> str:
    """The first thing that is wrong with an event, in one line."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]
