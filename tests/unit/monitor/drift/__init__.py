"""Drift of windows against a baseline."""
