"""Mirrors dbx_dl.frameworks.architectures."""
