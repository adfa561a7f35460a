"""Figures of written texts: what stands where, in which colour, and what was looked at."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from dbx_dl.figures import encode_png
from dbx_dl.text_figures import attention_to_places, attention_to_words, sample_texts


def test_written_texts_stand_beside_the_true_ones() -> None:
    figure = sample_texts(["a b", ""], ["x", "y z"], [("x", 0.9), ("y", 0.456)])
    shown = [(text.get_text(), text.get_color()) for text in figure.axes[0].texts]
    assert [text for text, _ in shown[4:]] == ["a b", "x", "x", "0.90", "–", "y z", "y", "0.46"]
    assert len({color for _, color in shown[:8]}) == 1 and shown[8][1] != shown[4][1]
    assert Image.open(io.BytesIO(encode_png(figure))).format == "PNG"


def test_attention_to_words_has_a_cell_for_each_pair() -> None:
    shares = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])
    figure = attention_to_words([["x", "y"], []], [["a", "b"], ["c"]], [shares, shares])
    first, second = figure.axes
    np.testing.assert_array_equal(first.get_images()[0].get_array(), shares[:, :2])
    assert [label.get_text() for label in first.get_xticklabels()] == ["a", "b"]
    assert [label.get_text() for label in first.get_yticklabels()] == ["x", "y"]
    assert not second.get_images()
    encode_png(figure)


def test_attention_to_places_lies_over_the_image() -> None:
    image = np.zeros((8, 24, 1), np.uint8)
    shares = np.eye(12)[[7, 0]]
    figure = attention_to_places([["seven", "zero"]], [image], [shares])
    whole, seven, _ = figure.axes
    assert (len(whole.get_images()), len(seven.get_images())) == (1, 2)
    # Twelve places of an image of 8 x 24 are two rows of six: the eighth is the second one of the second row.
    laid = seven.get_images()[1].get_array()
    assert laid.shape == (2, 6) and laid[1, 1] == 1 and seven.get_title() == "seven"
    encode_png(figure)
