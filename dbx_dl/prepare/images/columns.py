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
