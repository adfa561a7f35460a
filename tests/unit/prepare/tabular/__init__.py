"""Preparing tables, without Spark."""
