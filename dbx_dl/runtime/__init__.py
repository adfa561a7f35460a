"""Where are we running: the only code that asks."""
