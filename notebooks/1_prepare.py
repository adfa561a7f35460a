# Databricks notebook source
# MAGIC %md
# MAGIC # 1 · Prepare
# MAGIC Raw files or rows become one Delta table with splits, pinned at a version. What cannot be used goes to a rejects
# MAGIC table with a reason; nothing is dropped in silence.

# COMMAND ----------

from pathlib import Path

import dbx_dl
from dbx_dl.config import load_run_config
from dbx_dl.runtime.tables import read_pinned
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

if config.prepare.kind == "images":
    prepared = dbx_dl.prepare_images(spark, config.prepare)
elif config.prepare.kind == "audio":
    prepared = dbx_dl.prepare_audio(spark, config.prepare)
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
