"""What our commits to Delta tables carry, so that a later run knows what an earlier one has done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_TRANSACTION = "spark.databricks.delta.write.txn"
# Operations after which a table has the same rows.
HARMLESS_OPERATIONS = (
    "OPTIMIZE",
    "VACUUM START",
    "VACUUM END",
    "SET TBLPROPERTIES",
    "UNSET TBLPROPERTIES",
    "COMPUTE STATS",
)


def mark_settings(mark: Mapping[str, Any]) -> dict[str, str]:
    """Session settings under which every commit carries these JSON values in its `userMetadata`."""
    return {_USER_METADATA: json.dumps(dict(mark))}


def transaction_settings(app_id: str, number: int) -> dict[str, str]:
    """Session settings under which Delta commits as transaction `number` of `app_id`.

    A number that a table has already, or a lower one, is left out without an error; two of one `app_id` at once
    conflict.
    """
    return {f"{_TRANSACTION}AppId": app_id, f"{_TRANSACTION}Version": str(number)}


def read_mark(user_metadata: str | None, name: str) -> Any:
    """One of the values that a commit carries; None where it has none of that name."""
    try:
        values = json.loads(user_metadata or "")
    except json.JSONDecodeError:
        return None
    return values.get(name) if isinstance(values, dict) else None
