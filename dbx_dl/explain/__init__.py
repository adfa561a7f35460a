"""Why a model scores a row as it does: what in an image, a table's columns or a text it goes by."""
