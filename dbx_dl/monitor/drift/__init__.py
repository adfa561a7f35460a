"""Whether windows of scored rows are distributed as what their model was trained on."""
