"""Clustering in PyTorch: centres follow rows, or codes of rows from which a decoder gives the rows again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dbx_dl.frameworks.architectures.pixels import PIXEL_SCALE
from dbx_dl.frameworks.centres import NUM_OF_CLUSTER, NUM_SEEN, mend_clusters, start_clusters
from dbx_dl.frameworks.measures import SupervisedMeasures
from dbx_dl.frameworks.torch.cluster_layers import DiagonalMixture
from dbx_dl.frameworks.torch.embeddings import expose_layer, predict_embeddings
from dbx_dl.frameworks.torch.losses import RECONSTRUCTION_LOSSES
from dbx_dl.frameworks.torch.networks import build_network
from dbx_dl.frameworks.torch.objectives.descent import Descent
from dbx_dl.frameworks.torch.objectives.gradient import GradientObjective
from dbx_dl.frameworks.torch.objectives.network import find_device
from dbx_dl.frameworks.torch.precision import compute_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.frameworks.freezing import FrozenStage
    from dbx_dl.frameworks.interface import ObjectiveRequest, Ranks

# The name of a further optimizer.
_OF_MIXTURE = "mixture_optimizer"


class ClusteringObjective(GradientObjective):
    """See `frameworks.interface.Clustering`; before every epoch it looks at rows (`centres`), the same on every rank.

    Sums are `loss` and what it is made of: `inertia`, and `reconstruction_loss` with a decoder; or `nll`. While
    reconstructions alone are learned `reconstruction_error_1` keeps their loss.
    """

    def __init__(
        self,
        network: Any,
        optimizer: OptimizerConfig,
        ranks: Ranks,
        request: ObjectiveRequest,
        stages: Sequence[FrozenStage] = (),
    ) -> None:
        assert request.clustering is not None
        self._plan = request.clustering
        decoder = self._plan.decoder
        self._decoder = None if decoder is None else build_network(decoder).to(find_device())
        parts = {} if self._decoder is None else {"decoder": self._decoder}
        further = [] if self._decoder is None else list(self._decoder.parameters())
        super().__init__(network, optimizer, ranks, request, stages, parts, further)
        self.measures = SupervisedMeasures(request)
        self.least_rows = NUM_OF_CLUSTER * request.num_clusters
        self._head = getattr(network, self._plan.head)
        self._is_mixture = isinstance(self._head, DiagonalMixture)
        self._exposed = expose_layer(network, self._plan.code)
        self._compare = RECONSTRUCTION_LOSSES[request.are_pixels, None]
        self._epoch, self._first = 0, self._descent
        if self._is_mixture and self._decoder is not None:
            self._descents[_OF_MIXTURE] = Descent(optimizer, list(self._head.parameters()), ranks, request.precision)

    def start_epoch(self, epoch: int) -> None:
        """Turn from reconstructions to centres when it is time."""
        super().start_epoch(epoch)
        self._epoch = epoch
        self._descent = self._first if self._is_pretraining else self._descents.get(_OF_MIXTURE, self._first)

    @property
    def _is_pretraining(self) -> bool:
        return self._epoch <= self._plan.num_epochs

    def count_rows(self, epoch: int) -> int:
        """None while there are no centres."""
        return NUM_SEEN if epoch > self._plan.num_epochs else 0

    def look_at(self, inputs: np.ndarray) -> None:
        """Start the centres before their first epoch, mend them before later ones."""
        points = predict_embeddings(self._network, self._plan.code, inputs)
        head = {name: tensor.detach().cpu().numpy() for name, tensor in self._head.state_dict().items()}
        if self._epoch == self._plan.num_epochs + 1:
            num_clusters = self._request.num_clusters
            found = start_clusters(points, num_clusters, self._plan.seed, is_mixture=self._is_mixture)
        else:
            found = mend_clusters(points, self.predict(inputs), head)
        with torch.no_grad():
            for name, tensor in self._head.state_dict().items():
                tensor.copy_(torch.from_numpy(self._ranks.broadcast(found[name])))

    def _compute_loss(self, inputs: Any, labels: Any, weights: Any, own_weights: Any) -> tuple[Any, dict[str, Any]]:
        del labels, own_weights
        with compute_in(self._network, self._request.precision):
            outputs, codes = self._exposed(inputs)
        scores, squares = outputs.float().chunk(2, dim=1)
        if self._is_mixture and not self._is_pretraining:
            nll = -(scores.logsumexp(dim=1) * weights).sum()
            return nll, {"loss": nll, "nll": nll}
        inertia = (squares.min(dim=1).values * weights).sum()
        if self._decoder is None:
            return inertia, {"loss": inertia, "inertia": inertia}
        error = (self._reconstruct(codes, inputs) * weights).sum()
        if self._is_pretraining:
            return error, {"loss": error, "reconstruction_error_1": error}
        loss = error + self._plan.weight * inertia
        return loss, {"loss": loss, "inertia": inertia, "reconstruction_loss": error}

    def _reconstruct(self, codes: Any, inputs: Any) -> Any:
        """The loss of each row (N,)."""
        rows = inputs.flatten(1).float() * (PIXEL_SCALE if self._request.are_pixels else 1)
        assert self._decoder is not None
        return self._compare(self._decoder(codes), rows).mean(dim=1)
