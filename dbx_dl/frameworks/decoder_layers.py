"""The layer that writes a sequence of tokens, one after the other, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbx_dl.frameworks.layers import Shape

# Starts a sequence, ends it, and stands behind its end, where nothing is written any more.
END_ID = 0


@dataclass(frozen=True)
class AttentionDecoder:
    """What is written while (S, K) is looked at: (S, K) to ids and probabilities of `num_steps` tokens, (2 T,).

    Additive attention (Bahdanau et al. 2015, arXiv:1409.0473): the first state is tanh of a dense layer of the mean
    over S; at each step a gated recurrent unit (as `Recurrent` has it) takes the token before, as a trained vector of
    `width` numbers, and a mean of (S, K) whose weights depend on the state so far. A dense layer of the new state and
    that mean gives a logit for each of `num_ids` ids. The likeliest goes on to the next step (greedy decoding); behind
    END_ID all ids are END_ID, with probability 1. All steps are taken, so that the graph has no loop.
    """

    num_ids: int
    num_steps: int
    width: int
    units: int

    def shape_after(self, shape: Shape) -> Shape:
        """T ids, then the probabilities that these had."""
        del shape
        return (2 * self.num_steps,)

    def num_parameters(self, shape: Shape) -> int:
        """Vectors, first state, attention (keys, query, score), gates of input and state, logits."""
        size, units = shape[1], self.units
        attention = size * units + (units + 1) * units + units
        gates = (self.width + size + 1) * 3 * units + (units + 1) * 3 * units
        ends = (size + 1) * units + (units + size + 1) * self.num_ids
        return self.num_ids * self.width + attention + gates + ends
