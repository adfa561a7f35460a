"""Unit tests of what turns raw images and columns into model input."""
