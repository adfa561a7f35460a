"""Tests of dbx_dl.explain.overall."""
