# Databricks notebook source
# MAGIC %md
# MAGIC # 4 · Register
# MAGIC Each ONNX file becomes a version of the model in the MLflow registry, with the alias `challenger`. Then they and the
# MAGIC present champion are measured on the same pinned test rows, and the best becomes `champion`.

# COMMAND ----------

import os
from pathlib import Path

import dbx_dl
from dbx_dl.config import load_run_config
from dbx_dl.contracts import OnnxModel
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

candidates = []
for framework in config.frameworks:
    onnx = OnnxModel.load(directory / framework / "onnx.json")
    registered = dbx_dl.register_model(onnx, config.registry, tracking=config.tracking)
    registered.save(directory / framework / "registered.json")
    candidates.append(registered)
[model.uri for model in candidates]

# COMMAND ----------

promotion = dbx_dl.promote_model(spark, candidates, config.registry, tracking=config.tracking)
promotion.save(directory / "promotion.json")
print(promotion.reason)
