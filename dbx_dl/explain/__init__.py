"""Why a model predicts what it does: contributions and heat maps of rows, what matters overall, and a model card."""
