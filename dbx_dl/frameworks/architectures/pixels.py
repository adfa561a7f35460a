"""How pixels become numbers near 1."""

PIXEL_SCALE = 1 / 255
