"""The Keras 3 implementation of `Framework`, on Keras' TensorFlow backend; importing it loads TensorFlow."""

from dbx_dl.frameworks.keras.process import describe_versions, load_tensorflow, seed_process

load_tensorflow()

from dbx_dl.frameworks.keras.batches import open_dataset, to_tensors  # noqa: E402
from dbx_dl.frameworks.keras.distribute import connect_ranks, distribute_optimizer  # noqa: E402
from dbx_dl.frameworks.keras.embeddings import predict_embeddings  # noqa: E402
from dbx_dl.frameworks.keras.freezing import freeze_network  # noqa: E402
from dbx_dl.frameworks.keras.gradients import open_gradients, read_activations  # noqa: E402
from dbx_dl.frameworks.keras.kernels import set_kernel  # noqa: E402
from dbx_dl.frameworks.keras.networks import NETWORKS, build_network  # noqa: E402
from dbx_dl.frameworks.keras.objectives import SupervisedObjective, create_objective  # noqa: E402
from dbx_dl.frameworks.keras.onnx_export import export_network  # noqa: E402

weights_suffix = ".npz"

__all__ = [
    "NETWORKS",
    "SupervisedObjective",
    "build_network",
    "connect_ranks",
    "create_objective",
    "describe_versions",
    "distribute_optimizer",
    "export_network",
    "freeze_network",
    "open_dataset",
    "open_gradients",
    "predict_embeddings",
    "read_activations",
    "seed_process",
    "set_kernel",
    "to_tensors",
    "weights_suffix",
]
