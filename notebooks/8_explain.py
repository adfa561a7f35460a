# Databricks notebook source
# MAGIC %md
# MAGIC # 8 · Explain
# MAGIC Why the champion predicts what it does: heat maps or contributions beside the predictions, what matters overall,
# MAGIC and the model's card.

# COMMAND ----------

from pathlib import Path

import dbx_dl
from dbx_dl.config import ExplainConfig, load_run_config
from dbx_dl.contracts import Promotion, RegisteredModel
from dbx_dl.explaining import name_network
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

# MAGIC %md
# MAGIC ## Row by row, from the ONNX file alone

# COMMAND ----------

section = config.explain or ExplainConfig(table=f"{config.score.table}_explained", max_rows=40)
section = name_network(section, config)
explained = dbx_dl.explain_table(spark, section, config.score, tracking=config.tracking)
explained.save(directory / "explained.json")
read_pinned(spark, explained.table).select("key", "explained_label", "explained_score", "error").show(10, truncate=40)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Pictures of them

# COMMAND ----------

from dbx_dl.explain.page.page import write_page

page = write_page(spark, explained, directory / "explanations.html", title=f"{config.name}: why it predicts what it does")
if "displayHTML" in globals():
    displayHTML(page.read_text(encoding="utf-8"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## The model card, which stays with the registered version

# COMMAND ----------

registered = RegisteredModel.load(directory / config.frameworks[0] / "registered.json")
card = dbx_dl.write_card(
    registered,
    directory=str(directory / config.frameworks[0]),
    tracking=config.tracking,
    config=config.card,
    promotion=Promotion.load(directory / "promotion.json"),
)
print(Path(card.markdown).read_text(encoding="utf-8"))
