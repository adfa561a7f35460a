"""Tests of dbx_dl.score."""
