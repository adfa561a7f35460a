"""Recordings become a prepared table: what differs from images, whose stages they go through."""
