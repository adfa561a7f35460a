# Databricks notebook source
# MAGIC %md
# MAGIC # 4 · Register
# MAGIC Each ONNX file becomes a version of the model in the MLflow registry, with the alias `challenger`. Then they and the
# MAGIC present champion are measured on the same pinned test rows, and the best becomes `champion`.

# COMMAND ----------

from pathlib import Path

import dbx_dl
from dbx_dl.config import load_run_config
from dbx_dl.contracts import OnnxModel
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
