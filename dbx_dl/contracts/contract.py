"""What every value between stages is: frozen, and able to survive as a small JSON file."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from dbx_dl.errors import DataError


class Contract(BaseModel):
    """A frozen value that survives a round trip through JSON; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the value as JSON, all or nothing, and return the file's path."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        # A name of this call's own: another process may save the same file.
        partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.partial")
        try:
            partial.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return target

    @property
    def digest(self) -> str:
        """SHA-256 of the value as JSON, in hex: equal values have equal ones, also in other processes."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a value that `save` wrote; DataError when it is absent or is not such a value."""
        try:
            return cls.model_validate_json(Path(path).read_bytes())
        except FileNotFoundError:
            raise DataError(f"{path} does not exist: run the stage that writes it first") from None
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from None
        except ValidationError as error:
            raise DataError(f"{path} is not a {cls.__name__}: {_explain(error)}") from None


def _explain(error: ValidationError) -> str:
    """The first thing that is wrong with a value, and its place in it."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]


class FileDigest(Contract):
    """A file and the SHA-256 of its bytes."""

    path: str
    sha256: str
