"""Short-lived credentials of Unity Catalog for the files of a table, as options of delta-rs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dbx_dl.errors import DataError
from dbx_dl.runtime.databricks.names import parse_unity_name


class LeaseRefusedError(DataError):
    """Unity Catalog lends no credentials for a table, or none that delta-rs can use; the message says why."""


@dataclass(frozen=True)
class Lease:
    """Options that open a table's files until `expires_at`, in seconds since 1970."""

    options: Mapping[str, str] = field(repr=False)
    expires_at: float

    @property
    def seconds_left(self) -> float:
        """For how long it lasts from now on."""
        return self.expires_at - time.time()


def borrow_table(name: str, client: Any = None) -> Lease:
    """Credentials to read a table's files, by its name catalog.schema.table; LeaseRefusedError where there are none.

    `client` is a WorkspaceClient of databricks-sdk, by default that of this process' user. The metastore must allow
    external access, and the user needs EXTERNAL USE SCHEMA on the schema. Tables with row filters or column masks are
    refused by Unity Catalog.
    """
    name = str(parse_unity_name(name, "table"))
    try:
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.errors.base import DatabricksError
        from databricks.sdk.service.catalog import TableOperation
    except ImportError:
        raise LeaseRefusedError(f"table {name}: databricks-sdk is not installed, which asks for credentials") from None
    try:
        client = client or WorkspaceClient()
        table_id = client.tables.get(name).table_id
        given = client.temporary_table_credentials.generate_temporary_table_credentials(
            operation=TableOperation.READ, table_id=table_id
        )
    except (DatabricksError, ValueError) as error:  # a ValueError where nobody is logged in
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise LeaseRefusedError(f"Unity Catalog lends no credentials for table {name}: {reason}") from None
    return Lease(_to_options(name, given), (given.expiration_time or 0) / 1000)


def _to_options(name: str, given: Any) -> dict[str, str]:
    if given.aws_temp_credentials:
        aws = given.aws_temp_credentials
        return {
            "aws_access_key_id": aws.access_key_id,
            "aws_secret_access_key": aws.secret_access_key,
            "aws_session_token": aws.session_token,
        }
    if given.azure_user_delegation_sas:
        return {"azure_storage_sas_token": given.azure_user_delegation_sas.sas_token.lstrip("?")}
    if given.azure_aad:
        return {"azure_storage_token": given.azure_aad.aad_token}
    raise LeaseRefusedError(f"table {name}: Unity Catalog's credentials for this cloud are none that deltalake takes")
