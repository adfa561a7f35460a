"""Tests of what image sources do without Spark."""
