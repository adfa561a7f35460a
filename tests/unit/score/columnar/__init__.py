"""Tests of scoring without rows in Spark, as far as they need no Spark."""
