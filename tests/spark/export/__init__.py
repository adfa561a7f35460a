"""Tests of dbx_dl.export."""
