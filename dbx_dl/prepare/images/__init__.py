"""Images of any source become a Delta table of checked bytes that stays up to date."""
