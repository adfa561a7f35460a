"""Tests of dbx_dl.register.card."""
