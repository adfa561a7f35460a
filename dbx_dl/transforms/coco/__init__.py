"""COCO files as values: what they say of images, and where objects are in them."""
