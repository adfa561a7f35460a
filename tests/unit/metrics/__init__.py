"""Tests of dbx_dl.metrics."""
