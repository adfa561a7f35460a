"""How columns are distributed over rows: measured, cut into bins and counted in one pass of Spark."""
