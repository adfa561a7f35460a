"""Unit tests of dbx_dl.monitor.run_report."""
