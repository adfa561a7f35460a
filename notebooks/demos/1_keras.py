# Databricks notebook source
# MAGIC %md
# MAGIC # Demo 1 · A convolutional network in Keras
# MAGIC MNIST as it is published, four IDX files in a folder, becomes a Delta table; a network of 32 and 64 filters, max
# MAGIC pooling, dropout and a dense softmax learns it on Horovod ranks that Spark starts.

# COMMAND ----------

from pathlib import Path

import dbx_dl
from dbx_dl.config import load_run_config
from dbx_dl.feed.rows import read_rows
from dbx_dl.figures import learning_curves, sample_predictions
from dbx_dl.runtime.databricks import is_databricks, read_parameter
from dbx_dl.runtime.logs import show_progress
from dbx_dl.runtime.spark import open_session
from dbx_dl.transforms.images import decode_image

runs = read_parameter("runs", "../../conf/runs" if is_databricks() else "conf/runs")

config = load_run_config(f"{runs}/mnist_keras.yml")
directory = Path(config.directory).absolute()
show_progress(verbose=False)
spark = open_session(config.spark, app_name=f"dbx_dl {config.name}")

# COMMAND ----------

prepared = dbx_dl.prepare_images(spark, config.prepare)
prepared.save(directory / "prepared.json")
prepared.split_rows

# COMMAND ----------

# MAGIC %md
# MAGIC ## The first images of the test split

# COMMAND ----------

rows = read_rows(prepared, "test", 16)
images = [decode_image(data, prepared.inputs) for data in rows.column(prepared.inputs.column).to_pylist()]
labels = [prepared.target.label_names[index] for index in rows.column("label_index").to_pylist()]
sample_predictions(images, labels, [(label, 1.0) for label in labels])

# COMMAND ----------

# MAGIC %md
# MAGIC ## Training

# COMMAND ----------

trained = dbx_dl.train_network(
    spark,
    prepared,
    config.train,
    framework="keras",
    directory=str(directory / "keras"),
    tracking=config.tracking,
)
trained.save(directory / "keras" / "trained.json")
print(f"accuracy on the test split: {trained.metrics['test_accuracy']:.4f}")

# COMMAND ----------

learning_curves(trained.history, best_epoch=trained.best_epoch)
