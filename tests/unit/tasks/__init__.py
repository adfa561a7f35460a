"""Tests of dbx_dl.tasks."""
