# Databricks notebook source
# MAGIC %md
# MAGIC # 2 · Train
# MAGIC The network is trained on the pinned table by Horovod ranks that a Spark barrier stage starts, once with each
# MAGIC framework of the run. The driver logs one MLflow run for each.

# COMMAND ----------

from pathlib import Path

import dbx_dl
from dbx_dl.config import load_run_config
from dbx_dl.contracts import PreparedTable
from dbx_dl.figures import learning_curves
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

prepared = PreparedTable.load(directory / "prepared.json")
trained = {}
for framework in config.frameworks:
    trained[framework] = dbx_dl.train_network(
        spark,
        prepared,
        config.train,
        framework=framework,
        directory=str(directory / framework),
        tracking=config.tracking,
    )
    trained[framework].save(directory / framework / "trained.json")
{framework: model.metrics for framework, model in trained.items()}

# COMMAND ----------

# MAGIC %md
# MAGIC ## How the first one learned

# COMMAND ----------

first = trained[config.frameworks[0]]
learning_curves(first.history, best_epoch=first.best_epoch)
