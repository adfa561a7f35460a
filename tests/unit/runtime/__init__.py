"""Tests of dbx_dl.runtime."""
