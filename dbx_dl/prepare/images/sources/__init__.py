"""Where images come from: every format of source becomes one listing of what was found, and a way to its bytes."""
