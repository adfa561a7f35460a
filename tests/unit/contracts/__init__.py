"""Tests of dbx_dl.contracts."""
