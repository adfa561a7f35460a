# Databricks notebook source
# MAGIC %md
# MAGIC # 5 · Score
# MAGIC The champion scores the run's input into a Delta table of predictions: one row for every input row, with an error
# MAGIC where there can be no prediction.

# COMMAND ----------

import os
from pathlib import Path

import dbx_dl
from dbx_dl.config import load_run_config
from dbx_dl.contracts import PreparedTable
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

scored = dbx_dl.score_table(spark, config.score, tracking=config.tracking)
scored.save(directory / "scored.json")
read_pinned(spark, scored.table).orderBy("key").show(10, truncate=40)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Rows without a prediction

# COMMAND ----------

read_pinned(spark, scored.table).where("error IS NOT NULL").select("key", "error").show(truncate=90)

# COMMAND ----------

# MAGIC %md
# MAGIC ## The same model as a function of columns, for queries of your own

# COMMAND ----------

prepared = PreparedTable.load(directory / "prepared.json")
columns = [prepared.inputs.column] if prepared.inputs.kind == "images" else list(prepared.inputs.columns)
predict = dbx_dl.score_udf(spark, config.score.model, tracking_uri=config.tracking.uri)
test_rows = read_pinned(spark, prepared.table).where("split = 'test'").limit(5)
test_rows.select(prepared.key_column, "label", predict(*columns).alias("prediction")).show(truncate=60)
