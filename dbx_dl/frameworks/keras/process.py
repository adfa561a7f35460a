"""TensorFlow in this process: loaded quietly with the right Keras backend, seeded, and bounded in threads."""

from __future__ import annotations

import logging
import os
from contextlib import nullcontext

from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.quiet import drop_native_chatter
from dbx_dl.frameworks.versions import describe_environment, read_setting

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
logger = logging.getLogger(__name__)


def load_tensorflow() -> None:
    """Import Keras on TensorFlow, without TensorFlow's start-up lines unless TF_CPP_MIN_LOG_LEVEL asks for them.

    ConfigError when Keras is set to another backend.
    """
    chosen = os.environ.get("KERAS_BACKEND", "tensorflow")
    if chosen != "tensorflow":
        raise ConfigError(f"KERAS_BACKEND is {chosen!r}; framework keras needs it unset or 'tensorflow'")
    quiet = nullcontext() if _LOG_LEVEL in os.environ else drop_native_chatter()
    # At 3 a machine without a GPU is silent about it; errors that matter reach Python as exceptions.
    os.environ.setdefault(_LOG_LEVEL, "3")
    with quiet:
        import keras
    if keras.backend.backend() != "tensorflow":
        where = f"~/.keras/keras.json sets Keras' backend to {keras.backend.backend()!r}"
        raise ConfigError(f"{where}; framework keras needs 'tensorflow': set KERAS_BACKEND=tensorflow")


def seed_process(seed: int, num_threads: int) -> None:
    """Seed Python, NumPy, TensorFlow and Keras, make operations deterministic, and use `num_threads` per operation.

    Threads can only be set before TensorFlow's first operation; later the present number stays, with a warning.
    """
    import keras
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(num_threads)
        tf.config.threading.set_inter_op_parallelism_threads(num_threads)
    except RuntimeError:
        logger.warning("TensorFlow already runs in this process: its number of threads stays as it is")
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


def describe_versions() -> dict[str, str]:
    """Versions of Keras, TensorFlow, Horovod and NumPy, and the settings that change TensorFlow's bits.

    Where TensorFlow has a GPU, that too.
    """
    import tensorflow as tf

    versions = describe_environment(("keras", "horovod", "numpy")) | {
        "tensorflow": tf.__version__,
        "onednn": read_setting("TF_ENABLE_ONEDNN_OPTS"),
        "threads": str(tf.config.threading.get_intra_op_parallelism_threads()),
    }
    for gpu in tf.config.get_visible_devices("GPU")[:1]:
        details = tf.config.experimental.get_device_details(gpu)
        versions["gpu"] = str(details.get("device_name", gpu.name))
        versions["cuda"] = str(tf.sysconfig.get_build_info().get("cuda_version", "unknown"))
    return versions
