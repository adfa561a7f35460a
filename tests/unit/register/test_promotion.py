"""Who becomes champion, on constructed cases."""

import pytest

from dbx_dl.config import RegisterConfig
from dbx_dl.register.promotion import choose_champion


def choose(values, candidates, present, metric="accuracy", threshold=None):
    return choose_champion(values, candidates, present, RegisterConfig(name="m", metric=metric, threshold=threshold))


@pytest.mark.parametrize(
    ("values", "candidates", "present", "chosen", "words"),
    [
        ({1: 0.9}, [1], None, 1, "version 1 becomes champion with accuracy 0.9000"),
        ({1: 0.9, 2: 0.95}, [1, 2], None, 2, "the best of 2 candidates"),
        ({1: 0.9, 2: 0.9}, [1, 2], None, 1, "version 1 becomes"),
        ({2: 0.9, 1: 0.9}, [2, 1], None, 2, "version 2 becomes"),
        ({1: 0.9, 2: 0.8, 3: 0.85}, [2, 3], 1, 1, "version 1 stays champion: the best candidate, version 3"),
        ({1: 0.9, 2: 0.95}, [2], 1, 2, "accuracy 0.9500 is better than version 1's 0.9000"),
        ({1: 0.9, 2: 0.9}, [2], 1, 1, "only equals"),
        ({2: 0.5}, [2], 1, 2, "version 2 becomes champion"),  # the present one could not be measured
        ({1: 0.9, 2: 0.8}, [1, 2], 1, 1, "version 1 stays champion: its accuracy 0.9000 is the best"),
        ({1: 0.8, 2: 0.8}, [2, 1], 1, 1, "version 1 stays champion"),
    ],
)
def test_the_best_wins_and_ties_keep_the_place(values, candidates, present, chosen, words) -> None:
    found, reason = choose(values, candidates, present)
    assert found == chosen and words in reason


def test_lower_is_better_for_losses() -> None:
    assert choose({1: 0.3, 2: 0.2}, [2], 1, "log_loss")[0] == 2
    assert choose({1: 0.3, 2: 0.4}, [2], 1, "log_loss")[0] == 1


def test_a_threshold_must_be_met() -> None:
    assert choose({1: 0.8, 2: 0.9}, [2], 1, threshold=0.95)[0] is None
    found, reason = choose({2: 0.9}, [2], None, threshold=0.95)
    assert found is None and reason == (
        "there is no champion: the best candidate, version 2, has accuracy 0.9000 and misses the threshold 0.95"
    )
    assert choose({2: 0.95}, [2], None, threshold=0.95)[0] == 2
    assert choose({1: 0.5, 2: 0.3}, [2], 1, "log_loss", threshold=0.2)[0] is None
    assert choose({1: 0.5, 2: 0.2}, [2], 1, "log_loss", threshold=0.2)[0] == 2
