# Databricks notebook source
# MAGIC %md
# MAGIC # 6 · Monitor
# MAGIC What happened to the model after it scored: whether inputs or predictions drifted from what it was trained on, how
# MAGIC good it still is where labels are known by now, and whether it should be trained anew.

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

monitored = dbx_dl.monitor_scores(
    spark,
    config.monitor,
    config.score,
    tracking=config.tracking,
    run=config.name,
    report=str(directory / "monitor.html"),
)
monitored.save(directory / "monitored.json")
print("train anew" if monitored.should_retrain else "all is well", *monitored.reasons, sep="\n")

# COMMAND ----------

# MAGIC %md
# MAGIC ## What was found
# MAGIC One row for each window, column and figure; `conf/queries` has queries for the questions that are asked of it.

# COMMAND ----------

findings = read_pinned(spark, monitored.table)
findings.groupBy("window", "area", "status").count().orderBy("window", "area", "status").show(40)
findings.where("status IN ('alert', 'warning')").select("window", "area", "column", "part", "metric", "value").show(40)

# COMMAND ----------

# MAGIC %md
# MAGIC ## The page

# COMMAND ----------

if "displayHTML" in globals():
    displayHTML(Path(monitored.report).read_text(encoding="utf-8"))
else:
    print("report:", monitored.report)
