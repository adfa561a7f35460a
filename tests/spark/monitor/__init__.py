"""Tests of dbx_dl.monitor on Spark."""
