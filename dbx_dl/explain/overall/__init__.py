"""What matters to a model overall, on rows that it has not learned from."""
