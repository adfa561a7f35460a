"""The columns that every image table has, in their order."""

COLUMNS = (
    "key",
    "path",
    "content",
    "label",
    "label_index",
    "height",
    "width",
    "channels",
    "format",
    "size_bytes",
    "sha256",
    "split",
    "modified_at",
    "prepared_at",
    "pixel_means",
    "pixel_deviations",
)
# Those that tables of recordings have as well.
SHARED_COLUMNS = tuple(name for name in COLUMNS if name not in ("height", "width", "pixel_means", "pixel_deviations"))
