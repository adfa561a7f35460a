"""Other feeds in environments of their own: how these are made, how they are spoken to, and what runs in them."""
