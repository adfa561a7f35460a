"""Versions of models in the MLflow registry, and which of them is champion."""
