"""Labels by people, models and rules: their table, what to label next, and a page to label with."""
