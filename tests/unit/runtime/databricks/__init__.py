"""Tests of what is known of Databricks, against a fake of it."""
