"""Labels that a model gives alone, where people's labels of held-out items show that it may."""
