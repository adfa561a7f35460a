"""Distributions of columns."""
