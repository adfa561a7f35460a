"""Tests of what texts show: every code block of the README and of docs/ runs or is valid."""
