"""The tests of dbx_dl, one folder per layer."""
