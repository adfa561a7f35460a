"""Unit tests: pure functions, no Spark, mirrors dbx_dl path for path."""
