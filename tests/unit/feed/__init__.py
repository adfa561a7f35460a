"""Tests of dbx_dl.feed."""
