"""How a model treats groups of the rows that it scored."""
