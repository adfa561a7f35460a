"""What comes out of a model on its way to prediction structs."""
