# Databricks notebook source
# MAGIC %md
# MAGIC # Demo 2 · TensorFlow: a multilayer perceptron, then convolutions
# MAGIC First what a convolution and max pooling compute, by hand; then 784-512-512-10 dense units, and a network of three
# MAGIC convolution blocks, on the same four IDX files.

# COMMAND ----------

from pathlib import Path

import numpy as np

import dbx_dl
from dbx_dl.config import load_run_config
from dbx_dl.runtime.databricks import is_databricks, read_parameter
from dbx_dl.runtime.logs import show_progress
from dbx_dl.runtime.spark import open_session

# COMMAND ----------

# MAGIC %md
# MAGIC ## A convolution by hand
# MAGIC Each 3x3 window of the 6x6 image is multiplied with a filter, entry by entry, and added up. Where the image has the
# MAGIC filter's pattern the sum is largest: the first filter finds falling diagonals, the second vertical lines.

# COMMAND ----------

image = np.array(
    [
        [1, 0, 0, 0, 0, 1],
        [0, 1, 0, 0, 1, 0],
        [0, 0, 1, 1, 0, 0],
        [1, 0, 0, 0, 1, 0],
        [0, 1, 0, 0, 1, 0],
        [0, 0, 1, 0, 1, 0],
    ]
)
filters = np.array([[[1, -1, -1], [-1, 1, -1], [-1, -1, 1]], [[-1, 1, -1], [-1, 1, -1], [-1, 1, -1]]])
windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3))
convolved = np.einsum("ijkl,fkl->fij", windows, filters)
print(convolved)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Max pooling: the largest of every 2x2 block

# COMMAND ----------

print(convolved.reshape(2, 2, 2, 2, 2).max(axis=(2, 4)))

# COMMAND ----------

runs = read_parameter("runs", "../../conf/runs" if is_databricks() else "conf/runs")

configs = [load_run_config(f"{runs}/{name}.yml") for name in ("mnist_tensorflow_mlp", "mnist_tensorflow_cnn")]
show_progress(verbose=False)
spark = open_session(configs[0].spark, app_name="dbx_dl mnist_tensorflow")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Both networks on the same table

# COMMAND ----------

accuracies = {}
for config in configs:
    prepared = dbx_dl.prepare_images(spark, config.prepare)
    trained = dbx_dl.train_network(
        spark,
        prepared,
        config.train,
        framework="keras",
        directory=str(Path(config.directory).absolute() / "keras"),
        tracking=config.tracking,
    )
    accuracies[config.train.network] = trained.metrics["test_accuracy"]
print("accuracy on the test split:", {network: round(value, 4) for network, value in accuracies.items()})
