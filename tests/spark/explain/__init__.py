"""Tests of dbx_dl.explain on Spark with real Delta tables."""
