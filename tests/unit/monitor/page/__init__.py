"""The page of a look."""
