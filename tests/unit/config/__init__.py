"""Tests of run configs."""
