"""Run configs: YAML in, validated frozen values out; one section per stage."""

from dbx_dl.config.card import CardConfig
from dbx_dl.config.checkpoints import CheckpointConfig
from dbx_dl.config.columns import (
    BooleanColumn,
    CategoricalColumn,
    ColumnConfig,
    ColumnKind,
    DatetimeColumn,
    EmbeddingColumn,
    IgnoredColumn,
    NumericColumn,
    StepsColumn,
    TextColumn,
)
from dbx_dl.config.csv_options import CsvOptions
from dbx_dl.config.drift import DriftConfig
from dbx_dl.config.explain import DependenceConfig, ExplainConfig, ExplainOptions, ImportanceConfig, MethodName
from dbx_dl.config.fairness import FairnessConfig
from dbx_dl.config.feed import AugmentConfig, CacheConfig, FeedConfig
from dbx_dl.config.freezing import UnfreezeConfig
from dbx_dl.config.image_sources import (
    AudioSource,
    CocoSource,
    FolderSource,
    IdxPair,
    IdxSource,
    ImageSource,
    ManifestSource,
    TableSource,
)
from dbx_dl.config.interactions import InteractionsConfig
from dbx_dl.config.label import LabelConfig, PseudoConfig, QueueConfig, ResolveConfig
from dbx_dl.config.label_page import LabelPageConfig
from dbx_dl.config.label_text import LabelText
from dbx_dl.config.labels_source import LabelsSource
from dbx_dl.config.late_labels import LateLabelsConfig
from dbx_dl.config.loading import load_run_config, parse_run_config
from dbx_dl.config.models import ExportConfig, ScoreConfig
from dbx_dl.config.monitor import MonitorConfig
from dbx_dl.config.operations import OperationsConfig
from dbx_dl.config.places import SparkConfig, TrackingConfig
from dbx_dl.config.prepare import (
    PrepareAudioConfig,
    PrepareConfig,
    PrepareFilesSection,
    PrepareImagesConfig,
    PrepareSection,
    PrepareTableConfig,
    SplitConfig,
)
from dbx_dl.config.quality import QualityConfig
from dbx_dl.config.register import GroupLimit, LatencyLimit, MetricLimit, MetricName, RegisterConfig
from dbx_dl.config.retrain import RetrainConfig
from dbx_dl.config.run import FrameworkName, RunConfig
from dbx_dl.config.score_options import ImageOptions, ProviderName, ScoreOptions
from dbx_dl.config.score_rows import ScoreRowsConfig, StreamConfig
from dbx_dl.config.search import Dimension, SearchConfig
from dbx_dl.config.section import NULL_TOKENS, Scalar, Section
from dbx_dl.config.series import SeriesConfig
from dbx_dl.config.slices import SlicesConfig
from dbx_dl.config.start import StartConfig
from dbx_dl.config.threshold import Costs, ThresholdConfig
from dbx_dl.config.train import OptimizerConfig, TrainConfig
from dbx_dl.config.watched_fairness import WatchedFairnessConfig
from dbx_dl.config.windows import WindowsConfig

__all__ = [
    "NULL_TOKENS",
    "AudioSource",
    "AugmentConfig",
    "BooleanColumn",
    "CacheConfig",
    "CardConfig",
    "CategoricalColumn",
    "CheckpointConfig",
    "CocoSource",
    "ColumnConfig",
    "ColumnKind",
    "Costs",
    "CsvOptions",
    "DatetimeColumn",
    "DependenceConfig",
    "Dimension",
    "DriftConfig",
    "EmbeddingColumn",
    "ExplainConfig",
    "ExplainOptions",
    "ExportConfig",
    "FairnessConfig",
    "FeedConfig",
    "FolderSource",
    "FrameworkName",
    "GroupLimit",
    "IdxPair",
    "IdxSource",
    "IgnoredColumn",
    "ImageOptions",
    "ImageSource",
    "ImportanceConfig",
    "InteractionsConfig",
    "LabelConfig",
    "LabelPageConfig",
    "LabelText",
    "LabelsSource",
    "LateLabelsConfig",
    "LatencyLimit",
    "ManifestSource",
    "MethodName",
    "MetricLimit",
    "MetricName",
    "MonitorConfig",
    "NumericColumn",
    "OperationsConfig",
    "OptimizerConfig",
    "PrepareAudioConfig",
    "PrepareConfig",
    "PrepareFilesSection",
    "PrepareImagesConfig",
    "PrepareSection",
    "PrepareTableConfig",
    "ProviderName",
    "PseudoConfig",
    "QualityConfig",
    "QueueConfig",
    "RegisterConfig",
    "ResolveConfig",
    "RetrainConfig",
    "RunConfig",
    "Scalar",
    "ScoreConfig",
    "ScoreOptions",
    "ScoreRowsConfig",
    "SearchConfig",
    "Section",
    "SeriesConfig",
    "SlicesConfig",
    "SparkConfig",
    "SplitConfig",
    "StartConfig",
    "StepsColumn",
    "StreamConfig",
    "TableSource",
    "TextColumn",
    "ThresholdConfig",
    "TrackingConfig",
    "TrainConfig",
    "UnfreezeConfig",
    "WatchedFairnessConfig",
    "WindowsConfig",
    "load_run_config",
    "parse_run_config",
]
