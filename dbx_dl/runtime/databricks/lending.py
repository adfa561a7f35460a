"""What the driver asks Databricks for and lends to processes that cannot ask, such as ranks: secrets and credentials.

It goes from memory to memory, into one variable of their environment, and is never written to a file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

from dbx_dl.runtime.databricks.credentials import Lease, borrow_table
from dbx_dl.runtime.databricks.utilities import read_secret

_VARIABLE = "DBX_DL_LENT"
# Credentials that end so soon are asked for anew.
_MIN_SECONDS = 60.0


def lend(tables: Iterable[str], secrets: Iterable[str]) -> dict[str, str]:
    """The variable that gives another process the credentials of these tables, and these secrets; {} without any.

    LeaseRefusedError and ConfigError as in `find_lease` and `find_secret`.
    """
    leases = {name: find_lease(name) for name in tables}
    lent: dict[str, Any] = {
        "leases": {name: [dict(lease.options), lease.expires_at] for name, lease in leases.items()},
        "secrets": {place: find_secret(place) for place in secrets},
    }
    return {_VARIABLE: json.dumps(lent)} if any(lent.values()) else {}


def find_lease(name: str) -> Lease:
    """Credentials for a table: lent ones, else fresh ones of Unity Catalog; LeaseRefusedError where there are none."""
    if name in (leases := _read_lent().get("leases", {})):
        lease = Lease(*leases[name])
        if lease.seconds_left > _MIN_SECONDS:
            return lease
    return borrow_table(name)


def find_secret(place: str) -> str:
    """The secret at `scope/key`: a lent one, else Databricks'; ConfigError where there is none."""
    secrets = _read_lent().get("secrets", {})
    return str(secrets[place]) if place in secrets else read_secret(place)


def _read_lent() -> dict[str, Any]:
    lent: dict[str, Any] = json.loads(os.environ.get(_VARIABLE, "{}"))
    return lent
