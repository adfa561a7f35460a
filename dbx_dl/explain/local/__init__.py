"""Explanations of single rows: what each kind of inputs has to be taken apart into, and put together again."""
