"""Tests of dbx_dl.explain.methods."""
