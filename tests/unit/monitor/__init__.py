"""Unit tests of dbx_dl.monitor."""
