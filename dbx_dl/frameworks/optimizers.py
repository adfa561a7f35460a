"""Numbers of optimizers that the frameworks' defaults disagree about, said once for all of them."""

ADAM_EPSILON = 1e-7
RMSPROP_DISCOUNT = 0.9
RMSPROP_EPSILON = 1e-7
# Sums of squares start above 0, so that the first gradients are not blown up to size 1.
ADAGRAD_START = 0.1
