"""Unit tests of dbx_dl.frameworks; none of them loads Keras or PyTorch."""
