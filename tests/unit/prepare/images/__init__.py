"""Preparing images, without Spark."""
