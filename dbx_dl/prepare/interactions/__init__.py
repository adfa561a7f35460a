"""Interactions of users with items into a table to recommend from."""
