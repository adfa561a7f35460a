# Databricks notebook source
# MAGIC %md
# MAGIC # 5 · Score
# MAGIC The champion scores the run's input into a Delta table of predictions: one row for every input row, with an error
# MAGIC where there can be no prediction.

# COMMAND ----------

from pathlib import Path

import dbx_dl
from dbx_dl.config import load_run_config
from dbx_dl.contracts import PreparedTable
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
