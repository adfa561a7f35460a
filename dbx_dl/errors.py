"""The errors a user can meet: each message says what was wrong, the value, and what to do."""


class DbxDlError(Exception):
    """Root of every error that dbx_dl raises on purpose; the CLI prints it in one or two lines and exits with 1."""


class ConfigError(DbxDlError):
    """A run config, or an argument of the public API, that cannot be used."""


class SetupError(DbxDlError):
    """Something the machine lacks: Java, the Delta jars, Horovod, a GPU, free slots; `fix` says what to do."""

    def __init__(self, problem: str, fix: str = "") -> None:
        super().__init__(f"{problem}: {fix}" if fix else problem)
        self.problem = problem
        self.fix = fix


class DataError(DbxDlError):
    """Input data, a table or a model file that cannot be used as asked."""


class VersionGoneError(DataError):
    """A pinned table version that can be read no more: it was vacuumed, or its log entry was cleaned up."""


class RankFailedError(DbxDlError):
    """A training rank failed; the message carries that rank's own traceback."""


class RankLostError(RankFailedError):
    """A rank's process, or the executor above it, was killed or lost: training can go on from a checkpoint."""


class ExportError(DbxDlError):
    """The exported ONNX file does not do what the trained network does."""


class RegistryError(DbxDlError):
    """The model registry cannot be reached, or lacks the model, version or alias."""
