"""Losses of items are what they should be on average, alike in both frameworks, and drawn from seeds."""

from __future__ import annotations

import numpy as np
import pytest

from tests.numerics.conftest import Numbers
from tests.numerics.recommending import LOSSES, make_logits


def compute_expected() -> dict[str, np.ndarray]:
    """The losses (N,) that all items together give."""
    logits, labels = make_logits()
    values = logits.astype(np.float64)
    own = values[np.arange(len(labels)), labels]
    entropy = np.log(np.exp(values).sum(axis=1)) - own
    differences = values - own[:, None]
    terms = np.log1p(np.exp(differences))
    terms[np.arange(len(labels)), labels] = 0
    return {"None": entropy, "sampled_softmax": entropy, "bpr": terms.sum(axis=1) / (values.shape[1] - 1)}


@pytest.mark.parametrize("loss", map(str, LOSSES))
def test_drawn_items_stand_for_all(numbers: Numbers, loss: str) -> None:
    found = numbers.alone["recommendation"]["losses"][loss]
    tolerance = 1e-5 if loss == "None" else 0.04
    np.testing.assert_allclose(found["losses"], compute_expected()[loss], rtol=tolerance)
    # Softmax' gradients add up to 0, and so do those of differences; masked items have none.
    gradients = np.array(found["gradients"])
    np.testing.assert_allclose(gradients.sum(axis=1), 0, atol=1e-4)
    assert not gradients[3:, 1:4].any()
    assert (np.delete(gradients[3], [1, 2, 3]) != 0).all()


def test_the_same_seeds_draw_the_same_items(numbers: Numbers) -> None:
    found = numbers.alone["recommendation"]["drawn"]
    assert found["seeded"] == found["first"][:5]
    assert len(set(found["first"])) == 10


def test_a_checkpoint_keeps_what_is_drawn_next(numbers: Numbers) -> None:
    found = numbers.alone["recommendation"]["drawn"]
    assert found["resumed"] == found["first"][5:]


def test_what_comes_next_is_learned_from_the_newest_item(numbers: Numbers) -> None:
    found = numbers.alone["recommendation"]["gru"]
    assert found["losses"][-1] < 0.3 * found["losses"][0]
    assert found["ndcg"] > 0.95
