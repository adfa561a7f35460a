"""A model's file: fetched, checked, opened once per process, and what it takes and gives."""
