"""The promotion ledger: a small Delta table in which a promotion must win a commit before it moves the alias.

MLflow moves an alias without asking where it was, so two promotions that compared with the same champion would both
win. A promotion therefore remembers the model's generation when it begins and claims the next one by appending a row
as the Delta transaction of that number: of two at once Delta commits one, and a number that is taken is left out. A
second row says how it ended, so that the table is also the model's history. The claim is no lock that is held while
models are measured: it is made when all is decided and lasts until the alias has moved.

A promotion that is killed in between leaves the state `moving`. It stands for LEASE_SECONDS, longer than a living
claimant may take (it gives up after half of that before it touches the alias, and MLflow's client waits for seconds);
then the next promotion goes on from whatever the alias says, which is the truth about who is champion.

The table lies where all promotions of one registry meet: beside a database file, or in the model's Unity Catalog
schema; a run's directory would not do, since two runs may register the same model. Commits of a table on a local disk
are only atomic within one process (its file system has no rename that keeps what is there), so a file lock goes round
them there.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from dbx_dl.errors import ConfigError, DataError, RegistryError
from dbx_dl.register.upload import check_name
from dbx_dl.runtime.databricks import is_unity_catalog
from dbx_dl.runtime.table_writes import PLAIN_TABLE, append_rows, is_lost_race, require_free_place
from dbx_dl.runtime.tables import absolute_path, first_line, has_table, is_path, quote_table, require_columns

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TABLE = "dbx_dl_promotions"
LEASE_SECONDS = 120
_MAX_ATTEMPTS = 5
_COLUMNS = (
    "model string, generation bigint, state string, champion int, previous int, claim string, holder string, "
    "changed_at timestamp"
)
_URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")


@dataclass(frozen=True)
class Entry:
    """A model's row: how often it was claimed, by whom last, and how many seconds ago."""

    generation: int = 0
    state: str = ""
    champion: int | None = None
    claim: str = ""
    holder: str = ""
    age_seconds: float = 0.0

    @property
    def is_moving(self) -> bool:
        """Whether a promotion that may still live is moving the alias."""
        return self.state == "moving" and self.age_seconds < LEASE_SECONDS


def find_ledger(name: str, tracking_uri: str, ledger: str | None = None) -> str:
    """The table in which promotions of a model meet; ConfigError when it has to be named, as for a server."""
    check_name(name, tracking_uri)
    if ledger is not None:
        return ledger
    if is_unity_catalog(tracking_uri):
        return f"{name.rpartition('.')[0]}.{TABLE}"
    if tracking_uri.startswith("sqlite:///"):
        database = Path(tracking_uri.removeprefix("sqlite:///")).absolute()
        return str(database.with_name(f"{database.stem}_promotions"))
    if not _URI.match(tracking_uri) or tracking_uri.startswith("file:"):
        return str(Path(unquote(urlsplit(tracking_uri).path)).absolute() / TABLE)
    raise ConfigError(
        "promotions by way of a server meet in a Delta table that must be named: set registry.ledger (or --ledger) to "
        "one path or name for all who promote this model"
    )


class Ledger:
    """One model's row in the ledger table."""

    def __init__(self, spark: SparkSession, table: str, model: str) -> None:
        self._spark = spark
        self._table = table
        self._model = model
        self._claimed_at = 0.0

    def read(self) -> Entry:
        """The row; RegistryError when another promotion is moving the alias right now."""
        entry = self._find()
        if entry.is_moving:
            raise RegistryError(
                f"model {self._model!r} is being promoted by {entry.holder} right now: run promote again (a promotion "
                f"that was killed is forgotten after {LEASE_SECONDS} s)"
            )
        return entry

    def claim(self, seen: Entry, champion: int, previous: int | None) -> Entry:
        """Win the generation after `seen`; RegistryError when another promotion did, which names it."""
        holder = f"{socket.gethostname()}:{os.getpid()}"
        claimed = Entry(seen.generation + 1, "moving", champion, uuid.uuid4().hex, holder)
        self._claimed_at = time.monotonic()
        self._append(claimed, previous, f"dbx_dl.promotion/{self._model}")
        found = self._find()
        if found.claim != claimed.claim:
            raise RegistryError(
                f"another promotion of {self._model!r} came first ({found.holder}, version {found.champion}): run "
                "promote again, which compares with its champion"
            )
        return claimed

    def require_time(self) -> None:
        """RegistryError when this claim is so old that others may take it for a dead one's."""
        if time.monotonic() - self._claimed_at > LEASE_SECONDS / 2:
            raise RegistryError(f"the promotion of {self._model!r} was held up too long and gave up: run promote again")

    def close(self, claimed: Entry, state: str) -> None:
        """Say how a claim ended: `moved` or `dropped`."""
        ended = replace(claimed, state=state)
        self._append(ended, None, f"dbx_dl.promotion_end/{self._model}")

    def _find(self) -> Entry:
        if not has_table(self._spark, self._table):
            return Entry()
        table = self._spark.sql(f"SELECT * FROM {quote_table(self._table)}")
        require_columns(table, ("model", "generation", "changed_at"), f"the promotion ledger {self._table}")
        age = "unix_micros(current_timestamp()) - unix_micros(changed_at) AS age"
        found = table.where(table["model"] == self._model).selectExpr("*", age).collect()
        if not found:
            return Entry()
        row = max(found, key=lambda row: (row["generation"], row["state"] != "moving"))
        return Entry(
            row["generation"], row["state"], row["champion"], row["claim"], row["holder"], max(0.0, row["age"] / 1e6)
        )

    def _append(self, entry: Entry, previous: int | None, transaction: str) -> None:
        """One row, unless the transaction has come as far as the entry's generation already."""
        from pyspark.sql import functions as F

        values = (self._model, entry.generation, entry.state, entry.champion, previous, entry.claim, entry.holder, None)
        row = self._spark.createDataFrame([values], _COLUMNS).withColumn("changed_at", F.current_timestamp())
        options = {"txnAppId": transaction, "txnVersion": str(entry.generation)}
        with _alone(self._table):
            self._ensure_table()
            for attempt in range(_MAX_ATTEMPTS):
                try:
                    append_rows(row, self._table, properties=options)
                    break
                except Exception as error:
                    # Of two at once: what is taken is left out the next time.
                    if not is_lost_race(error) or attempt + 1 == _MAX_ATTEMPTS:
                        raise DataError(f"promotion ledger {self._table}: {first_line(error)}") from None

    def _ensure_table(self) -> None:
        """Made empty first: whether a commit that makes a table also counts as a transaction is not Delta's promise."""
        if has_table(self._spark, self._table):
            return
        require_free_place(self._table, "promotion ledger", ("_delta_log",))
        properties = ", ".join(f"'{name}' = '{value}'" for name, value in PLAIN_TABLE.items())
        statement = f"CREATE TABLE IF NOT EXISTS {quote_table(self._table)} ({_COLUMNS}) USING delta"
        try:
            self._spark.sql(f"{statement} TBLPROPERTIES ({properties})").collect()
        except Exception as error:
            if not has_table(self._spark, self._table):
                raise DataError(f"promotion ledger {self._table} cannot be made: {first_line(error)}") from None


@contextmanager
def _alone(table: str) -> Iterator[None]:
    """Within a lock on a file beside a table on a local disk; the kernel gives it back when its process ends."""
    path = absolute_path(table) if is_path(table) else ""
    if not path or _URI.match(path):
        yield
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{path}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
