"""Columns on their way into a model: what fits, and how Arrow arrays become its inputs."""
