"""Rows of any source become a typed Delta table with a feature spec that was fitted on its train split."""
