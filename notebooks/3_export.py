# Databricks notebook source
# MAGIC %md
# MAGIC # 3 · Export
# MAGIC Each trained model becomes one self-contained ONNX file, preprocessing inside, checked against the network on
# MAGIC held-out rows. A file that disagrees is refused.

# COMMAND ----------

from pathlib import Path

import dbx_dl
from dbx_dl.config import load_run_config
from dbx_dl.contracts import TrainedModel
from dbx_dl.runtime.databricks import is_databricks, read_parameter
from dbx_dl.runtime.logs import show_progress
from dbx_dl.runtime.spark import open_session

config_path = read_parameter("config", "../conf/runs/digits.yml" if is_databricks() else "conf/runs/digits.yml")
# KEY=VALUE in place of the file's, as many as wanted with spaces between them: tracking.uri=databricks
settings = read_parameter("settings", "").split()

config = load_run_config(config_path, settings)
directory = Path(config.directory).absolute()
show_progress(verbose=False)
spark = open_session(config.spark, app_name=f"dbx_dl {config.name}")

# COMMAND ----------

exported = {}
for framework in config.frameworks:
    trained = TrainedModel.load(directory / framework / "trained.json")
    exported[framework] = dbx_dl.export_onnx(spark, trained, config.export, directory=str(directory / framework))
    exported[framework].save(directory / framework / "onnx.json")

# COMMAND ----------

# MAGIC %md
# MAGIC ## What the files take and give, and how far they are from the networks

# COMMAND ----------

for framework, onnx in exported.items():
    print(framework, onnx.file.path, f"{onnx.size_bytes} bytes")
    print("  in: ", *onnx.inputs)
    print("  out:", *onnx.outputs)
    print("  parity:", onnx.parity)
