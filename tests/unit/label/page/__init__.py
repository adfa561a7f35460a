"""The page to label with, without a browser and without Spark."""
