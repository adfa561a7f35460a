"""Tests of dbx_dl.monitor.operations."""
