"""Predictions in Delta tables: which rows are scored, how they are committed, and streams of them."""
