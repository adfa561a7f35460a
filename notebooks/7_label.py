# Databricks notebook source
# MAGIC %md
# MAGIC # 7 · Label
# MAGIC The items that are most worth a person's time go into a queue. What people say of them is kept in a table of
# MAGIC label events, which is never changed; of each item one label holds, in a table that `prepare` reads.

# COMMAND ----------

import uuid
from datetime import UTC, datetime
from pathlib import Path

import dbx_dl
from dbx_dl.config import LabelConfig, QueueConfig, ResolveConfig, load_run_config
from dbx_dl.contracts import LabelEvent, ScoredTable
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
# MAGIC ## The queue
# MAGIC Of the predictions those with the least margin between the two likeliest classes, and among these the ones that
# MAGIC are least like each other.

# COMMAND ----------

scored = ScoredTable.load(directory / "scored.json")
labels = LabelConfig(table=f"{scored.table.name}_labels", task="classes")
queue = QueueConfig(table=f"{scored.table.name}_queue", scores=scored.table.name, strategy="mix", budget=20)
queued = dbx_dl.queue_items(spark, labels, queue)
items = read_pinned(spark, queued.table).where(f"queue_id = '{queued.queue_id}'").orderBy("position")
items.show(5, truncate=40)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Two people label
# MAGIC `dbx-dl label serve` opens a page for that. Here the first one says what the folder of an image is called, and the
# MAGIC second one takes every seventh image for a 1.

# COMMAND ----------

keys = [row["item_key"] for row in items.collect()]
said = {"ann": [Path(key).parts[0] for key in keys]}
said["ben"] = [label if place % 7 else "1" for place, label in enumerate(said["ann"])]
events = [
    LabelEvent(
        label_id=str(uuid.uuid4()),
        item_key=key,
        task="classes",
        labels=(label,),
        annotator=person,
        labelled_at=datetime.now(UTC),
        batch_id="notebook",
    )
    for person, given in said.items()
    for key, label in zip(keys, given)
]
written = dbx_dl.append_labels(spark, labels.table, events)
print(f"{written.num_new} labels of {len(keys)} items in {labels.table}")

# COMMAND ----------

# MAGIC %md
# MAGIC ## How far they agree, and which label holds

# COMMAND ----------

agreement = dbx_dl.measure_agreement(spark, labels.table, "classes")
print(f"Fleiss' kappa {agreement.fleiss_kappa:.3f}")
for row in agreement.tabulate():
    print("  ".join(row))

resolve = ResolveConfig(table=f"{scored.table.name}_resolved", method="dawid_skene", ties="frequent")
resolved = dbx_dl.resolve_labels(spark, labels, resolve)
print(f"labels of {resolved.num_items} items in {resolved.table.name}")
read_pinned(spark, resolved.table).orderBy("key").show(5, truncate=40)

# COMMAND ----------

# MAGIC %md
# MAGIC A batch can be withdrawn: its labels count as never said, and the history keeps them.

# COMMAND ----------

withdrawn = dbx_dl.withdraw_labels(spark, labels.table, annotator="ann", batch_id="notebook")
print(f"{withdrawn.num_new} labels withdrawn")
