"""The page of a run: its stages, curves, mistakes and rejects on one sheet."""
