"""Unity Catalog as far as credentials are asked of it, by databricks-sdk's own types."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from databricks.sdk.errors import NotFound, PermissionDenied
from databricks.sdk.service.catalog import (
    AwsCredentials,
    GenerateTemporaryTableCredentialResponse,
    TableInfo,
    TableOperation,
)

SECRET, TOKEN = "hunter2-hunter2", "token-of-an-hour"


def lend_aws(seconds: float) -> GenerateTemporaryTableCredentialResponse:
    """Credentials of AWS that last so long."""
    keys = AwsCredentials(access_key_id="AKIA", secret_access_key=SECRET, session_token=TOKEN)
    expires = int((time.time() + seconds) * 1000)
    return GenerateTemporaryTableCredentialResponse(aws_temp_credentials=keys, expiration_time=expires)


@dataclass
class FakeUnityCatalog:
    """A WorkspaceClient for one table, by its name; what it gives, or who is refused. `asked` counts."""

    table: str = "main.vision.digits"
    given: GenerateTemporaryTableCredentialResponse = field(default_factory=lambda: lend_aws(3600))
    is_refusing: bool = False
    asked: int = 0

    @property
    def tables(self) -> Any:
        return SimpleNamespace(get=self._get)

    @property
    def temporary_table_credentials(self) -> Any:
        return SimpleNamespace(generate_temporary_table_credentials=self._generate)

    def _get(self, full_name: str) -> TableInfo:
        if full_name != self.table:
            raise NotFound(f"Table '{full_name}' does not exist.")
        return TableInfo(full_name=full_name, table_id="a-table-id")

    def _generate(self, *, operation: TableOperation, table_id: str) -> GenerateTemporaryTableCredentialResponse:
        assert (operation, table_id) == (TableOperation.READ, "a-table-id")
        self.asked += 1
        if self.is_refusing:
            raise PermissionDenied("User does not have EXTERNAL USE SCHEMA on Schema 'main.vision'.\nmore")
        return self.given
