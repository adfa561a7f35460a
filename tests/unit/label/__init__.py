"""Tests of dbx_dl.label that need no Spark."""
