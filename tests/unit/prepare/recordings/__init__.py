"""Tests of what preparing recordings does without Spark."""
