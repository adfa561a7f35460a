"""Prepare on real files and real Delta."""
