"""Which items are most worth a person's time."""
