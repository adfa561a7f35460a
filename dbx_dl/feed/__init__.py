"""From a pinned Delta table to one rank's batches: files, shares, order, reading; no Spark and no framework."""
