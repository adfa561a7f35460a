"""The losses of boxes and masks in each framework for the same outputs, and a detector that learns to find shapes."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from dbx_dl.config import OptimizerConfig
from dbx_dl.contracts import Batch
from dbx_dl.feed.masks import paint_polygons
from dbx_dl.frameworks.interface import Framework, NetworkRequest, ObjectiveRequest
from dbx_dl.frameworks.single_rank import SingleRank
from tests.shape_images import KINDS, draw_shapes

GRID, SIDE, MAX_BOXES = (4, 4), 32, 4
NUM_OUTPUTS = GRID[0] * GRID[1] * (5 + len(KINDS))
BOXES = ObjectiveRequest("boxes", grid=GRID)
MASKS = ObjectiveRequest("segmentation", grid=(SIDE, SIDE))
NUM_LOGITS = SIDE * SIDE * (1 + len(KINDS))
NUM_TRAINED, NUM_NEW, NUM_EPOCHS, BATCH_ROWS = 320, 64, 4, 16


def run_alone(name: str, framework: Framework) -> dict[str, Any]:
    """Losses and gradients of `make_outputs` and `make_logits`, and metrics of new images after a short training."""
    boxes, masks = compute_losses(name, BOXES, *make_outputs()), compute_losses(name, MASKS, *make_logits())
    detector = NetworkRequest("detector", {"filters": 8}, (SIDE, SIDE, 1), "uint8", NUM_OUTPUTS, 5, grid=GRID)
    return {"boxes": {**boxes, "metrics": train(framework, detector)}, "masks": masks}


def make_outputs() -> tuple[np.ndarray, np.ndarray]:
    """Outputs float32 (6, num_outputs), and labels of drawn shapes; the last row has two boxes in one cell."""
    random = np.random.default_rng(3)
    labels = make_images(6, 9)[1]
    labels[-1] = 0
    labels[-1, :2] = [[0, 0.3, 0.3, 0.1, 0.1], [2, 0.32, 0.31, 0.1, 0.12]]
    return random.normal(size=(6, NUM_OUTPUTS)).astype(np.float32), labels


def make_logits() -> tuple[np.ndarray, np.ndarray]:
    """Logits float32 (3, num_logits), and masks of drawn shapes."""
    return np.random.default_rng(3).normal(size=(3, NUM_LOGITS)).astype(np.float32), make_images(3, 9)[2]


def make_images(num_images: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels uint8 (N, 32, 32, 1), boxes float32 (N, 4, 5) and masks uint8 (N, 32, 32) as a feed gives them."""
    random = np.random.default_rng(seed)
    pixels, boxes = np.zeros((num_images, SIDE, SIDE, 1), np.uint8), np.zeros((num_images, MAX_BOXES, 5), np.float32)
    masks = np.zeros((num_images, SIDE, SIDE), np.uint8)
    for row in range(num_images):
        pixels[row, ..., 0], shapes = draw_shapes(random, SIDE)
        for place, shape in enumerate(shapes):
            boxes[row, place] = (shape["category_id"] - 1, *(side / SIDE for side in shape["bbox"]))
        polygons = [(s["category_id"], np.array(s["segmentation"][0]).reshape(-1, 2)) for s in shapes]
        masks[row] = paint_polygons(polygons, (SIDE, SIDE))
    return pixels, boxes, masks


def compute_losses(
    name: str, request: ObjectiveRequest, outputs: np.ndarray, labels: np.ndarray
) -> dict[str, list[Any]]:
    """Losses (N,), and the gradient of their sum by the outputs."""
    create_loss = import_module(f"dbx_dl.frameworks.{name}.losses").create_loss
    if name == "torch":
        import torch

        values = torch.from_numpy(outputs).requires_grad_()
        losses = create_loss(request)(values, torch.from_numpy(labels))
        losses.sum().backward()
        return {"losses": losses.tolist(), "gradients": values.grad.tolist()}
    import tensorflow as tf

    values = tf.Variable(outputs)
    with tf.GradientTape() as tape:
        losses = create_loss(request)(values, tf.constant(labels))
        total = tf.reduce_sum(losses)
    gradients = tf.convert_to_tensor(tape.gradient(total, values))
    return {"losses": losses.numpy().tolist(), "gradients": gradients.numpy().tolist()}


def train(framework: Framework, network: NetworkRequest) -> dict[str, float]:
    """Metrics of images that training did not see."""
    framework.seed_process(5, 1)
    objective = framework.create_objective(framework.build_network(network), OptimizerConfig(), SingleRank(), BOXES)
    pixels, labels, _ = make_images(NUM_TRAINED + NUM_NEW, 2)
    random, weights = np.random.default_rng(4), np.ones(BATCH_ROWS, np.float32)
    for _ in range(NUM_EPOCHS):
        for rows in np.split(random.permutation(NUM_TRAINED), NUM_TRAINED // BATCH_ROWS):
            objective.train_step(Batch(pixels[rows], labels[rows], weights, tuple(map(str, rows))), 5e-3)
    new = Batch(pixels[NUM_TRAINED:], labels[NUM_TRAINED:], np.ones(NUM_NEW, np.float32), ("",) * NUM_NEW)
    return objective.measures.measure(objective.measures.observe(new, objective.predict(new.inputs)))
