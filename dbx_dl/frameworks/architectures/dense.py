"""Networks of dense layers, for table rows or all pixels of an image in a row: one layer, or several."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from pydantic import Field

from dbx_dl.config import Section
from dbx_dl.frameworks.activations import ActivationName
from dbx_dl.frameworks.architectures.architecture import Architecture, InputKind, input_kind
from dbx_dl.frameworks.interface import Pretraining
from dbx_dl.frameworks.layers import Activation, Dense, Dropout, Flatten, Layer, RandomFourier, ScalePixels

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest


class MlpOptions(Section):
    """A multilayer perceptron: `num_layers` dense layers of `hidden_units` with an activation and dropout, logits."""

    hidden_units: int = Field(default=64, gt=0)
    num_layers: int = Field(default=2, ge=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    activation: ActivationName = "relu"


class PerceptronOptions(Section):
    """Rosenblatt's perceptron (1958): one layer that learns from rows on the wrong side of its boundary only."""


class AdalineOptions(Section):
    """Widrow and Hoff's adaptive linear neuron (1960): one layer that learns by squared errors before the threshold."""


class LogisticRegressionOptions(Section):
    """Logistic (of several classes: softmax) regression: one layer that learns by cross-entropy."""


class LinearSvmOptions(Section):
    """A linear support vector machine (Cortes and Vapnik 1995): one layer that learns a margin, one class to the rest.

    Its hinge loss goes with a weight decay, which widens the margin.
    """


class DeepBeliefOptions(Section):
    """A deep belief network (Hinton, Osindero and Teh 2006): layers that learn what inputs are like before any label.

    Each of `num_layers` logistic layers of `hidden_units` is trained as a restricted Boltzmann machine for
    `pretraining_epochs` epochs, by contrastive divergence of `gibbs_steps` steps on what the layers below make of the
    inputs; then all of them, and the logits, by labels. Early stopping should wait for longer than the first part.
    """

    hidden_units: int = Field(default=128, gt=0)
    num_layers: int = Field(default=2, gt=0)
    pretraining_epochs: int = Field(default=3, gt=0)
    gibbs_steps: int = Field(default=1, gt=0)


class RbfSvmOptions(Section):
    """A support vector machine with a Gaussian kernel, by random Fourier features (Rahimi and Recht 2007).

    `num_features` features stand for the kernel exp(-gamma |x - y|^2); without `gamma` it is 1 / number of inputs.
    """

    num_features: int = Field(default=512, gt=0)
    gamma: float | None = Field(default=None, gt=0)


def describe_mlp(request: NetworkRequest, options: MlpOptions) -> tuple[Layer, ...]:
    """The hidden layers."""
    one = (Dense(options.hidden_units), Activation(options.activation), Dropout(options.dropout))
    return (*line_up(request), *one * options.num_layers)


def describe_nothing(request: NetworkRequest, options: Section) -> tuple[Layer, ...]:
    """No layer with weights before the logits."""
    del options
    return line_up(request)


def describe_belief(request: NetworkRequest, options: DeepBeliefOptions) -> tuple[Layer, ...]:
    """The layers, which give probabilities of hidden units."""
    return (*line_up(request), *(Dense(options.hidden_units), Activation("logistic")) * options.num_layers)


def plan_pretraining(options: DeepBeliefOptions) -> Pretraining:
    """All layers, from the inputs on."""
    layers = tuple(f"dense_{number}" for number in range(1, options.num_layers + 1))
    return Pretraining(layers, options.pretraining_epochs, options.gibbs_steps)


def describe_rbf_svm(request: NetworkRequest, options: RbfSvmOptions) -> tuple[Layer, ...]:
    """The kernel's features; what is drawn depends on the request's seed alone."""
    gamma = options.gamma or 1 / prod(request.input_shape)
    return (*line_up(request), RandomFourier(options.num_features, gamma, request.seed))


def line_up(request: NetworkRequest) -> tuple[Layer, ...]:
    """What makes a row of numbers of the input: pixels scaled and flattened, features as they are."""
    return (ScalePixels(), Flatten()) if input_kind(request) == "images" else ()


ROWS: tuple[InputKind, ...] = ("table", "images")
DENSE_NETWORKS = {
    "mlp": Architecture(MlpOptions, ROWS, describe_mlp),
    "perceptron": Architecture(PerceptronOptions, ROWS, describe_nothing, loss="perceptron"),
    "adaline": Architecture(AdalineOptions, ROWS, describe_nothing, loss="squared_error"),
    "logistic_regression": Architecture(LogisticRegressionOptions, ROWS, describe_nothing),
    "linear_svm": Architecture(LinearSvmOptions, ROWS, describe_nothing, loss="hinge"),
    "deep_belief_network": Architecture(DeepBeliefOptions, ROWS, describe_belief, pretrain=plan_pretraining),
    "rbf_svm": Architecture(RbfSvmOptions, ROWS, describe_rbf_svm, loss="hinge"),
}
