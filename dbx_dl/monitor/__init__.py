"""What a run reached, as numbers for the terminal and as a page."""
