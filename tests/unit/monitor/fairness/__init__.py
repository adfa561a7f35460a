"""Tests of dbx_dl.monitor.fairness."""
