"""Is this Databricks: there sessions, Delta and the Python of the workers are given."""

import os


def is_databricks() -> bool:
    """Whether this process runs on a Databricks cluster or serverless compute."""
    return "DATABRICKS_RUNTIME_VERSION" in os.environ
