# Databricks notebook source
# MAGIC %md
# MAGIC # 0 · The whole story
# MAGIC Handwritten digits from PNG files to a table of predictions, with Keras and with PyTorch, and a picture for each
# MAGIC step. The notebooks 1 to 5 take the same steps one by one; `conf/runs/digits.yml` is the run.
# MAGIC
# MAGIC The widget `config` names the run's YAML file. `dbx-dl demo --data-only` writes the input of the one that it names at
# MAGIC first.

# COMMAND ----------

import inspect
from pathlib import Path

import numpy as np

import dbx_dl
from dbx_dl.config import load_run_config
from dbx_dl.export.comparison import tabulate_comparison
from dbx_dl.feed.rows import read_rows
from dbx_dl.figures import confusion_matrix, learning_curves, sample_predictions
from dbx_dl.monitor.run_report.evidence import read_predictions
from dbx_dl.runtime.databricks import is_databricks, read_parameter
from dbx_dl.runtime.logs import show_progress
from dbx_dl.runtime.spark import open_session
from dbx_dl.runtime.tables import read_pinned
from dbx_dl.transforms.images import decode_image

config_path = read_parameter("config", "../conf/runs/digits.yml" if is_databricks() else "conf/runs/digits.yml")
# KEY=VALUE in place of the file's, as many as wanted with spaces between them: tracking.uri=databricks
settings = read_parameter("settings", "").split()

config = load_run_config(config_path, settings)
directory = Path(config.directory).absolute()
show_progress(verbose=False)
spark = open_session(config.spark, app_name=f"dbx_dl {config.name}")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Prepare
# MAGIC Each file is decoded once. Usable ones become rows of a Delta table, pinned at a version; the others go to a rejects
# MAGIC table with a reason.

# COMMAND ----------

prepared = dbx_dl.prepare_images(spark, config.prepare)
prepared.save(directory / "prepared.json")
print("rows:", prepared.split_rows)
print("rejected:", prepared.reject_reasons)
read_pinned(spark, prepared.table).groupBy("split").pivot("label").count().orderBy("split").show()

# COMMAND ----------

rows = read_rows(prepared, "test", 16)
images = [decode_image(data, prepared.inputs) for data in rows.column(prepared.inputs.column).to_pylist()]
labels = [prepared.target.label_names[index] for index in rows.column("label_index").to_pylist()]
sample_predictions(images, labels, [(label, 1.0) for label in labels])

# COMMAND ----------

# MAGIC %md
# MAGIC ## Train
# MAGIC Spark starts the ranks, each reads its share of the table's files, and Horovod averages their gradients. Once with
# MAGIC each framework of the run, on the same rows in the same order.

# COMMAND ----------

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
    print(f"{framework}: accuracy on the test split {trained[framework].metrics['test_accuracy']:.4f}")

# COMMAND ----------

curves = {name: learning_curves(model.history, best_epoch=model.best_epoch) for name, model in trained.items()}
curves[config.frameworks[0]]

# COMMAND ----------

curves[config.frameworks[-1]]

# COMMAND ----------

# MAGIC %md
# MAGIC ## What a step of TensorFlow is
# MAGIC Training with Keras is not `model.fit`: a compiled step of the package takes the gradients of the rank's rows, divides
# MAGIC them by the weight of all ranks' rows, and applies the optimizer. This is it:

# COMMAND ----------

if "keras" in config.frameworks:
    from dbx_dl.frameworks.keras.objectives.gradient import GradientObjective

    print(inspect.getsource(GradientObjective._compute_step))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Export
# MAGIC One ONNX file for each, preprocessing inside. Beside the network it came from: how far they are apart, and
# MAGIC milliseconds per call.

# COMMAND ----------

exported = {}
for framework in config.frameworks:
    exported[framework] = dbx_dl.export_onnx(
        spark, trained[framework], config.export, directory=str(directory / framework)
    )
    exported[framework].save(directory / framework / "onnx.json")
    comparison = dbx_dl.compare_model(exported[framework])
    print(f"{framework}: largest difference {comparison.parity.max_abs_difference:.2g}")
    for row in tabulate_comparison(comparison):
        print("".join(f"{cell:<22}" for cell in row))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Register and promote
# MAGIC Each file becomes a version in MLflow. All are measured on the same pinned test rows; the best becomes `champion`.

# COMMAND ----------

candidates = []
for framework in config.frameworks:
    candidates.append(dbx_dl.register_model(exported[framework], config.registry, tracking=config.tracking))
    candidates[-1].save(directory / framework / "registered.json")
promotion = dbx_dl.promote_model(spark, candidates, config.registry, tracking=config.tracking)
promotion.save(directory / "promotion.json")
print(promotion.reason)
for row in promotion.compare():
    print("".join(f"{cell:<28}" for cell in row))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Score
# MAGIC The champion scores every file, the broken ones too: they get an error instead of a prediction.

# COMMAND ----------

scored = dbx_dl.score_table(spark, config.score, tracking=config.tracking)
scored.save(directory / "scored.json")
predictions = read_pinned(spark, scored.table)
predictions.select("key", "label", "probability", "error").orderBy("key").show(8, truncate=40)
predictions.where("error IS NOT NULL").select("key", "error").show(truncate=90)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Which digits are taken for which others

# COMMAND ----------

held_out = read_predictions(directory / config.frameworks[0])
confusion_matrix(held_out.labels, held_out.predicted, prepared.target.label_names)

# COMMAND ----------

# MAGIC %md
# MAGIC ## The images that the network is least sure of

# COMMAND ----------

names = np.array(prepared.target.label_names)
doubtful = np.argsort(held_out.probabilities.max(axis=1))[:16]
rows = read_rows(prepared, "test", len(held_out.keys))
contents = dict(zip(rows.column(prepared.key_column).to_pylist(), rows.column(prepared.inputs.column).to_pylist()))
sample_predictions(
    [decode_image(contents[key], prepared.inputs) for key in held_out.keys[doubtful]],
    list(names[held_out.labels[doubtful]]),
    list(zip(names[held_out.predicted[doubtful]], held_out.probabilities.max(axis=1)[doubtful])),
)
