"""Parts of the rows in which a model errs more than elsewhere."""
