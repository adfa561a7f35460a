"""Unit tests of prepare: what needs no Spark."""
