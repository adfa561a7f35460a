"""Deep learning where the data lives: Delta tables, Horovod ranks on Spark, ONNX files, MLflow models."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from dbx_dl.explain.overall.dependence import measure_dependence
    from dbx_dl.explain.overall.importance import measure_importance
    from dbx_dl.explain.table import explain_table
    from dbx_dl.explain.udf import explain_udf
    from dbx_dl.export.comparison import compare_model
    from dbx_dl.export.onnx_model import export_onnx
    from dbx_dl.feed.reader import open_feed
    from dbx_dl.label.agreement import measure_agreement
    from dbx_dl.label.exchange.exporting import export_labels
    from dbx_dl.label.exchange.importing import import_labels
    from dbx_dl.label.inbox import ingest_labels
    from dbx_dl.label.page.serving import serve_labels
    from dbx_dl.label.pseudo.labelling import pseudo_label
    from dbx_dl.label.queue.queueing import queue_items
    from dbx_dl.label.resolve import resolve_labels
    from dbx_dl.label.table import append_labels, withdraw_labels
    from dbx_dl.monitor.clusters.profile import profile_clusters
    from dbx_dl.prepare.commits import load_prepared
    from dbx_dl.prepare.images.prepare import prepare_images
    from dbx_dl.prepare.images.stream import stream_images
    from dbx_dl.prepare.recordings.prepare import prepare_audio
    from dbx_dl.prepare.tabular.prepare import prepare_table
    from dbx_dl.register.card.card import write_card
    from dbx_dl.register.champion import rollback_model
    from dbx_dl.register.copying import copy_model
    from dbx_dl.register.model_version import register_model
    from dbx_dl.register.promotion import promote_model
    from dbx_dl.score.backtest import backtest_model
    from dbx_dl.score.sql import register_sql_function
    from dbx_dl.score.tables.stream import score_stream
    from dbx_dl.score.tables.table import score_table
    from dbx_dl.score.udf import score_udf
    from dbx_dl.train.rank_function import launch_ranks
    from dbx_dl.train.run import train_network
    from dbx_dl.train.search.search import search_network
    from dbx_dl.watching import monitor_scores

__all__ = [
    "append_labels",
    "backtest_model",
    "compare_model",
    "copy_model",
    "explain_table",
    "explain_udf",
    "export_labels",
    "export_onnx",
    "import_labels",
    "ingest_labels",
    "launch_ranks",
    "load_prepared",
    "measure_agreement",
    "measure_dependence",
    "measure_importance",
    "monitor_scores",
    "open_feed",
    "prepare_audio",
    "prepare_images",
    "prepare_table",
    "profile_clusters",
    "promote_model",
    "pseudo_label",
    "queue_items",
    "register_model",
    "register_sql_function",
    "resolve_labels",
    "rollback_model",
    "score_stream",
    "score_table",
    "score_udf",
    "search_network",
    "serve_labels",
    "stream_images",
    "train_network",
    "withdraw_labels",
    "write_card",
]

_HOMES = {
    "write_card": "dbx_dl.register.card.card",
    "measure_dependence": "dbx_dl.explain.overall.dependence",
    "measure_importance": "dbx_dl.explain.overall.importance",
    "explain_udf": "dbx_dl.explain.udf",
    "explain_table": "dbx_dl.explain.table",
    "prepare_images": "dbx_dl.prepare.images.prepare",
    "prepare_audio": "dbx_dl.prepare.recordings.prepare",
    "prepare_table": "dbx_dl.prepare.tabular.prepare",
    "load_prepared": "dbx_dl.prepare.commits",
    "stream_images": "dbx_dl.prepare.images.stream",
    "open_feed": "dbx_dl.feed.reader",
    "train_network": "dbx_dl.train.run",
    "launch_ranks": "dbx_dl.train.rank_function",
    "search_network": "dbx_dl.train.search.search",
    "compare_model": "dbx_dl.export.comparison",
    "export_onnx": "dbx_dl.export.onnx_model",
    "register_model": "dbx_dl.register.model_version",
    "promote_model": "dbx_dl.register.promotion",
    "rollback_model": "dbx_dl.register.champion",
    "copy_model": "dbx_dl.register.copying",
    "backtest_model": "dbx_dl.score.backtest",
    "profile_clusters": "dbx_dl.monitor.clusters.profile",
    "monitor_scores": "dbx_dl.watching",
    "score_stream": "dbx_dl.score.tables.stream",
    "register_sql_function": "dbx_dl.score.sql",
    "score_table": "dbx_dl.score.tables.table",
    "score_udf": "dbx_dl.score.udf",
    "append_labels": "dbx_dl.label.table",
    "ingest_labels": "dbx_dl.label.inbox",
    "import_labels": "dbx_dl.label.exchange.importing",
    "export_labels": "dbx_dl.label.exchange.exporting",
    "queue_items": "dbx_dl.label.queue.queueing",
    "resolve_labels": "dbx_dl.label.resolve",
    "serve_labels": "dbx_dl.label.page.serving",
    "pseudo_label": "dbx_dl.label.pseudo.labelling",
    "withdraw_labels": "dbx_dl.label.table",
    "measure_agreement": "dbx_dl.label.agreement",
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use, so that a scorer's worker imports only the scorer."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dbx_dl' has no attribute {name!r}; public names: {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)
