"""A declarative pipeline's source: a streaming table of predictions, made of new rows by the champion's SQL function.

Its settings (`configuration` in conf/resources/scoring.pipeline.yml): dbx_dl.source and dbx_dl.key, the table and its
column; dbx_dl.model, as models:/catalog.schema.name@champion; dbx_dl.model_folder, where workers read the file;
dbx_dl.table, the name of the streaming table. A row is scored once, by who is champion when the update starts.
"""

from pyspark import pipelines as dp
from pyspark.sql import DataFrame, SparkSession

import dbx_dl

spark = SparkSession.active()
setting = spark.conf.get
predict = dbx_dl.register_sql_function(
    spark,
    "predict",
    setting("dbx_dl.model"),
    tracking_uri="databricks",
    model_folder=setting("dbx_dl.model_folder"),
)


@dp.table(name=setting("dbx_dl.table"), comment=f"Predictions of {setting('dbx_dl.model')}")
def score_new_rows() -> DataFrame:
    """The key of every new row and its prediction, a struct with the fields of the model and an error."""
    rows = spark.readStream.table(setting("dbx_dl.source"))
    return rows.selectExpr(setting("dbx_dl.key"), "predict(struct(*)) AS prediction")
