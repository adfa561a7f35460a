"""One method of explaining a file, in plain NumPy over a function that predicts."""
