"""Tests of dbx_dl.monitor.quality."""
