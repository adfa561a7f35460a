"""Tests of dbx_dl.train on Spark."""
