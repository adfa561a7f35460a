"""All that is known of Databricks: where we are, parameters, task values, secrets, paths, names and credentials."""

from dbx_dl.runtime.databricks.compute import Compute, find_compute, get_session, is_databricks
from dbx_dl.runtime.databricks.credentials import Lease, LeaseRefusedError
from dbx_dl.runtime.databricks.lending import find_lease, find_secret, lend
from dbx_dl.runtime.databricks.names import is_unity_catalog, parse_unity_name, registry_uri
from dbx_dl.runtime.databricks.paths import is_mounted, mount_path
from dbx_dl.runtime.databricks.utilities import find_task_value, read_parameter, set_task_value

__all__ = [
    "Compute",
    "Lease",
    "LeaseRefusedError",
    "find_compute",
    "find_lease",
    "find_secret",
    "find_task_value",
    "get_session",
    "is_databricks",
    "is_mounted",
    "is_unity_catalog",
    "lend",
    "mount_path",
    "parse_unity_name",
    "read_parameter",
    "registry_uri",
    "set_task_value",
]
