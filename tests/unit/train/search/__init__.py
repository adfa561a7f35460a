"""Tests of dbx_dl.train.search."""
