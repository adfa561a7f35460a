"""One definition of model input, shared by prepare, feed, export and score."""
