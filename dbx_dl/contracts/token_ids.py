"""The ids that tokens of texts and items of histories have: padding, unknown ones, and then the vocabulary's."""

PADDING_ID, UNKNOWN_ID, FIRST_ID = 0, 1, 2
