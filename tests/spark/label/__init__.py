"""Tests of dbx_dl.label on a real session with real Delta."""
