"""Tests on local Spark with real Delta and MLflow."""
