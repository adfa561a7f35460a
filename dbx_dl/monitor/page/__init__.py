"""The page of a look at a scored table: pictures, tables and the verdict in one HTML file."""
