"""Tests of dbx_dl.transforms.coco."""
