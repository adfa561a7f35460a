# Databricks notebook source
# MAGIC %md
# MAGIC # Demo 3 · PyTorch to ONNX
# MAGIC The same convolutional network in PyTorch, exported as one ONNX file that takes any number of images.

# COMMAND ----------

from pathlib import Path

import dbx_dl
from dbx_dl.config import load_run_config
from dbx_dl.runtime.databricks import is_databricks, read_parameter
from dbx_dl.runtime.logs import show_progress
from dbx_dl.runtime.spark import open_session

runs = read_parameter("runs", "../../conf/runs" if is_databricks() else "conf/runs")

config = load_run_config(f"{runs}/mnist_torch.yml")
directory = Path(config.directory).absolute()
show_progress(verbose=False)
spark = open_session(config.spark, app_name=f"dbx_dl {config.name}")

# COMMAND ----------

prepared = dbx_dl.prepare_images(spark, config.prepare)
trained = dbx_dl.train_network(
    spark,
    prepared,
    config.train,
    framework="torch",
    directory=str(directory / "torch"),
    tracking=config.tracking,
)
print(f"accuracy on the test split: {trained.metrics['test_accuracy']:.4f}")

# COMMAND ----------

# MAGIC %md
# MAGIC ## The file: a dimension of size None is free

# COMMAND ----------

onnx = dbx_dl.export_onnx(spark, trained, config.export, directory=str(directory / "torch"))
onnx.save(directory / "torch" / "onnx.json")
print("in: ", *onnx.inputs)
print("out:", *onnx.outputs)
