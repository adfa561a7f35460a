"""The page to label with, in a real browser."""
