# Databricks notebook source
# MAGIC %md
# MAGIC # 3 · Export
# MAGIC Each trained model becomes one self-contained ONNX file, preprocessing inside, checked against the network on
# MAGIC held-out rows. A file that disagrees is refused.

# COMMAND ----------

import os
from pathlib import Path

import dbx_dl
from dbx_dl.config import load_run_config
from dbx_dl.contracts import TrainedModel
from dbx_dl.runtime.logs import show_progress
from dbx_dl.runtime.spark import open_session

if "dbutils" in globals():
    dbutils.widgets.text("config", "../conf/runs/digits.yml")
    config_path = dbutils.widgets.get("config")
else:
    config_path = os.environ.get("DBX_DL_CONFIG", "conf/runs/digits.yml")

config = load_run_config(config_path)
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
