"""Reviews of the demo: generated sentences whose sentiment depends on the order of their words, with known noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# Labels that are wrong on purpose: no network can be right more often than the rest.
NOISE = 0.04
BEST_ACCURACY = 1 - NOISE
NUM_REVIEWS = 2400
THINGS = ("plot", "acting", "music", "camera work", "ending", "dialogue", "cast", "editing", "story", "pace")
GOOD_WORDS = ("good", "great", "wonderful", "moving", "clever", "brilliant", "charming", "funny")
BAD_WORDS = ("bad", "awful", "boring", "clumsy", "terrible", "dull", "silly", "weak")
_OPENINGS = ("", "Honestly, ", "To me ", "I saw it twice: ", "All in all ", "As the critics said, ")
_ENDINGS = (".", "!", " ...", ", at least to me.", ", and so said my friends.", "?!")


def write_reviews(num_reviews: int = NUM_REVIEWS, seed: int = 0) -> list[tuple[str, str, str]]:
    """Rows (id, review, sentiment) of `positive` and `negative` alike often.

    A clause praises or blames a thing, `not` turns it round, and after `but` the second clause counts: by the counts of
    single words nobody does better than by guessing, a linear model of pairs of words is right in about 77 of 100.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    return [(f"review-{number:05d}", *_write_review(random)) for number in range(num_reviews)]


def _write_review(random: np.random.Generator) -> tuple[str, str]:
    clauses = [_write_clause(random) for _ in range(1 + int(random.random() < 0.5))]
    text = str(random.choice(_OPENINGS)) + " but ".join(words for words, _ in clauses) + str(random.choice(_ENDINGS))
    is_positive = clauses[-1][1] != (random.random() < NOISE)
    return text[:1].upper() + text[1:], "positive" if is_positive else "negative"


def _write_clause(random: np.random.Generator) -> tuple[str, bool]:
    is_good, is_turned = random.random() < 0.5, random.random() < 0.5
    words = ["the", str(random.choice(THINGS)), "was"]
    words += ["not"] * is_turned + ["really"] * (random.random() < 0.3)
    return " ".join([*words, str(random.choice(GOOD_WORDS if is_good else BAD_WORDS))]), is_good != is_turned
