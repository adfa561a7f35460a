"""Networks that give their own inputs again through a code of few numbers: a row that they cannot give is unusual."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from dbx_dl.config import Section
from dbx_dl.contracts import TaskName
from dbx_dl.frameworks.activations import ActivationName
from dbx_dl.frameworks.architectures.architecture import Architecture
from dbx_dl.frameworks.architectures.dense import ROWS, line_up
from dbx_dl.frameworks.interface import Penalty
from dbx_dl.frameworks.layers import Activation, Dense, Layer
from dbx_dl.frameworks.random_layers import Corrupt, Mark, Sample

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest

CODE, POSTERIOR = "code", "posterior"


class AutoencoderOptions(Section):
    """An auto-encoder: dense layers down to a code of `code_size` numbers, and back up to the inputs."""

    hidden_units: int = Field(default=128, gt=0)
    num_layers: int = Field(default=1, ge=0)
    code_size: int = Field(default=16, gt=0)
    activation: ActivationName = "relu"


class DenoisingOptions(AutoencoderOptions):
    """A denoising auto-encoder (Vincent et al. 2008): gives clean inputs again from such as are disturbed in training.

    Gaussian noise of deviation `noise` is added to pixels / 255 or features, then the share `masking` is set to 0.
    """

    noise: float = Field(default=0.0, ge=0)
    masking: float = Field(default=0.25, ge=0, lt=1)


class SparseOptions(AutoencoderOptions):
    """A sparse auto-encoder (Ng 2011): of many numbers of a logistic code few are far from 0 for any one row.

    The mean of each over a batch is drawn towards `sparsity` with `sparsity_weight`.
    """

    code_size: int = Field(default=64, gt=0)
    sparsity: float = Field(default=0.05, gt=0, lt=1)
    sparsity_weight: float = Field(default=0.1, ge=0)


class VariationalOptions(AutoencoderOptions):
    """A variational auto-encoder (Kingma and Welling 2014): the code is a Gaussian for each row, drawn towards N(0, 1).

    Its embedding is the Gaussian's mean. `kl_weight` 1 is the evidence lower bound with cross_entropy, and with
    squared_error that of Gaussian inputs of variance 1/2.
    """

    kl_weight: float = Field(default=1.0, ge=0)


def describe_autoencoder(request: NetworkRequest, options: AutoencoderOptions) -> tuple[Layer, ...]:
    """Encoder, code and decoder."""
    hidden = _stack(options)
    return (*line_up(request), *hidden, Dense(options.code_size), Mark(CODE), *hidden)


def describe_denoising(request: NetworkRequest, options: DenoisingOptions) -> tuple[Layer, ...]:
    """The same behind what disturbs the inputs."""
    hidden, disturb = _stack(options), Corrupt(options.noise, options.masking)
    return (*line_up(request), disturb, *hidden, Dense(options.code_size), Mark(CODE), *hidden)


def describe_sparse(request: NetworkRequest, options: SparseOptions) -> tuple[Layer, ...]:
    """The code is between 0 and 1."""
    hidden = _stack(options)
    return (*line_up(request), *hidden, Dense(options.code_size), Activation("logistic"), Mark(CODE), *hidden)


def describe_variational(request: NetworkRequest, options: VariationalOptions) -> tuple[Layer, ...]:
    """Before the code are means and logarithms of variances."""
    hidden = _stack(options)
    code = (Dense(2 * options.code_size), Mark(POSTERIOR), Sample(), Mark(CODE))
    return (*line_up(request), *hidden, *code, *hidden)


def _stack(options: AutoencoderOptions) -> tuple[Layer, ...]:
    return (Dense(options.hidden_units), Activation(options.activation)) * options.num_layers


def _draw_to_normal(options: VariationalOptions) -> Penalty:
    return Penalty("standard_normal", POSTERIOR, options.kl_weight)


def _keep_sparse(options: SparseOptions) -> Penalty:
    return Penalty("sparsity", CODE, options.sparsity_weight, options.sparsity)


LEARNED: tuple[TaskName, ...] = ("reconstruction",)
AUTOENCODERS = {
    "autoencoder": Architecture(AutoencoderOptions, ROWS, describe_autoencoder, LEARNED, code=CODE),
    "denoising_autoencoder": Architecture(DenoisingOptions, ROWS, describe_denoising, LEARNED, code=CODE),
    "sparse_autoencoder": Architecture(SparseOptions, ROWS, describe_sparse, LEARNED, penalize=_keep_sparse, code=CODE),
    "variational_autoencoder": Architecture(
        VariationalOptions, ROWS, describe_variational, LEARNED, penalize=_draw_to_normal, code=CODE
    ),
}
