"""What the parts of the loss of boxes weigh.

After Redmon et al. 2016, "You Only Look Once: Unified, Real-Time Object Detection", arXiv:1506.02640, equation 3, with
one box a cell. Of an image the loss is the sum

- over true boxes, of the cell that holds their middle: PLACE_WEIGHT x (squared errors of the middle, in cells, and of
  the square roots of width and height, in shares of the image) and the softmax cross-entropy of the label;
- over cells: the cross-entropy of whether there is an object, x EMPTY_WEIGHT where there is none.

Cross-entropies stand in the place of the paper's squared errors of probabilities (as in Redmon and Farhadi 2018,
arXiv:1804.02767, section 2.2), and the network is to be sure of an object rather than to know how well its box fits.
"""

PLACE_WEIGHT = 5.0
EMPTY_WEIGHT = 0.5
