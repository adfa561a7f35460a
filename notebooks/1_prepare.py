# Databricks notebook source
# MAGIC %md
# MAGIC # 1 · Prepare
# MAGIC Raw files or rows become one Delta table with splits, pinned at a version. What cannot be used goes to a rejects
# MAGIC table with a reason; nothing is dropped in silence.

# COMMAND ----------

import os
from pathlib import Path

import dbx_dl
from dbx_dl.config import load_run_config
from dbx_dl.runtime.tables import read_pinned
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

if config.prepare.kind == "images":
    prepared = dbx_dl.prepare_images(spark, config.prepare)
else:
    prepared = dbx_dl.prepare_table(spark, config.prepare)
prepared.save(directory / "prepared.json")
prepared.split_rows, prepared.reject_reasons

# COMMAND ----------

# MAGIC %md
# MAGIC ## Rows per split and label

# COMMAND ----------

read_pinned(spark, prepared.table).groupBy("split", "label").count().orderBy("split", "label").show(60)

# COMMAND ----------

# MAGIC %md
# MAGIC ## What was rejected, and why

# COMMAND ----------

if prepared.rejects is not None:
    read_pinned(spark, prepared.rejects).select(prepared.key_column, "reason", "detail").show(truncate=60)
