# Databricks notebook source
# MAGIC %md
# MAGIC # Demo 4 · ONNX beside the original
# MAGIC The Keras network of demo 1 as an ONNX file: one image and a batch through it, how far it is from the original, and
# MAGIC how long both take. Run demo 1 first.

# COMMAND ----------

from pathlib import Path

import numpy as np
import onnxruntime

import dbx_dl
from dbx_dl.config import load_run_config
from dbx_dl.contracts import TrainedModel
from dbx_dl.export.comparison import tabulate_comparison
from dbx_dl.feed.rows import read_rows
from dbx_dl.runtime.databricks import is_databricks, read_parameter
from dbx_dl.runtime.logs import show_progress
from dbx_dl.runtime.spark import open_session
from dbx_dl.transforms.images import decode_image

runs = read_parameter("runs", "../../conf/runs" if is_databricks() else "conf/runs")

config = load_run_config(f"{runs}/mnist_keras.yml")
directory = Path(config.directory).absolute() / "keras"
show_progress(verbose=False)
spark = open_session(config.spark, app_name=f"dbx_dl {config.name}")

# COMMAND ----------

trained = TrainedModel.load(directory / "trained.json")
onnx = dbx_dl.export_onnx(spark, trained, config.export, directory=str(directory))
onnx.save(directory / "onnx.json")

# COMMAND ----------

# MAGIC %md
# MAGIC ## One image, and a batch: anything that runs ONNX can do this

# COMMAND ----------

prepared = trained.prepared
rows = read_rows(prepared, "test", 256)
contents = rows.column(prepared.inputs.column).to_pylist()
pixels = np.stack([decode_image(data, prepared.inputs) for data in contents])
session = onnxruntime.InferenceSession(onnx.file.path, providers=["CPUExecutionProvider"])
(one,) = session.run(["probabilities"], {"pixels": pixels[:1]})
(many,) = session.run(["probabilities"], {"pixels": pixels})
truth = prepared.target.label_names[rows.column("label_index")[0].as_py()]
print(f"one image: {prepared.target.label_names[one[0].argmax()]} ({one[0].max():.4f}), its label is {truth}")
print(f"a batch of {len(many)}: accuracy {(many.argmax(axis=1) == rows.column('label_index').to_numpy()).mean():.4f}")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Beside the Keras original: agreement, and milliseconds per call

# COMMAND ----------

comparison = dbx_dl.compare_model(onnx)
print(f"largest difference: {comparison.parity.max_abs_difference:.2g}")
for row in tabulate_comparison(comparison):
    print("".join(f"{cell:<22}" for cell in row))
