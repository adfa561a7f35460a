"""Labels as files of other tools, in both directions."""
