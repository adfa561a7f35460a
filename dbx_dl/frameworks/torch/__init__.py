"""The PyTorch implementation of `Framework`; importing it loads torch."""

from dbx_dl.frameworks.torch.batches import BatchDataset, to_tensors
from dbx_dl.frameworks.torch.distribute import connect_ranks, distribute_optimizer
from dbx_dl.frameworks.torch.embeddings import predict_embeddings
from dbx_dl.frameworks.torch.freezing import freeze_network
from dbx_dl.frameworks.torch.gradients import open_gradients, read_activations
from dbx_dl.frameworks.torch.kernels import set_kernel
from dbx_dl.frameworks.torch.networks import NETWORKS, build_network
from dbx_dl.frameworks.torch.objectives import SupervisedObjective, create_objective
from dbx_dl.frameworks.torch.onnx_export import export_network
from dbx_dl.frameworks.torch.process import describe_versions, seed_process

weights_suffix = ".safetensors"

__all__ = [
    "NETWORKS",
    "BatchDataset",
    "SupervisedObjective",
    "build_network",
    "connect_ranks",
    "create_objective",
    "describe_versions",
    "distribute_optimizer",
    "export_network",
    "freeze_network",
    "open_gradients",
    "predict_embeddings",
    "read_activations",
    "seed_process",
    "set_kernel",
    "to_tensors",
    "weights_suffix",
]
