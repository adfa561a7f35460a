"""The alias `champion` of a model: where it is, moving it after a claim in the ledger, and putting it back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dbx_dl.contracts import Rollback
from dbx_dl.errors import RegistryError
from dbx_dl.register.ledger import Ledger, find_ledger
from dbx_dl.runtime.tracking import explain_failure, open_client, quiet_mlflow, short_waits
from dbx_dl.score.model.model_file import fetch_model

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from pyspark.sql import SparkSession

    from dbx_dl.config import TrackingConfig
    from dbx_dl.register.ledger import Entry

logger = logging.getLogger(__name__)

CHAMPION = "champion"
PREVIOUS_TAG = "dbx_dl_previous_champion"
ROLLED_BACK_TAG = "dbx_dl_rolled_back_to"


def find_champion(client: MlflowClient, name: str) -> int | None:
    """The version that is champion; RegistryError when the registry cannot be read or has no such model."""
    from mlflow.exceptions import MlflowException

    try:
        with quiet_mlflow(), short_waits():
            aliases = client.get_registered_model(name).aliases
    except MlflowException as error:
        raise RegistryError(f"model {name!r} cannot be read from the registry: {explain_failure(error)}") from None
    return int(aliases[CHAMPION]) if CHAMPION in aliases else None


def move_champion(
    client: MlflowClient, ledger: Ledger, seen: Entry, name: str, version: int, previous: int | None
) -> None:
    """Make a version champion in one call, if it is still `previous` and nobody else came first since `seen`.

    The version remembers `previous` in the tag `dbx_dl_previous_champion`. RegistryError when another promotion won,
    somebody moved the alias meanwhile, or MLflow refuses; then the alias is where it was.
    """
    with _claimed(client, ledger, seen, name, version, previous):
        # Tags first: an alias that has moved always knows where it was.
        if previous is not None:
            client.set_model_version_tag(name, str(version), PREVIOUS_TAG, str(previous))
        if ROLLED_BACK_TAG in client.get_model_version(name, str(version)).tags:
            client.delete_model_version_tag(name, str(version), ROLLED_BACK_TAG)
        ledger.require_time()
        client.set_registered_model_alias(name, CHAMPION, str(version))


def rollback_model(spark: SparkSession, name: str, *, tracking: TrackingConfig, ledger: str | None = None) -> Rollback:
    """Make the champion before the present one champion again.

    Every champion remembers who was it before, so that a second rollback goes one further back; a version that was
    rolled back itself is nothing to go back to until it has been promoted again. The version that loses the alias
    keeps the tag `dbx_dl_rolled_back_to`. RegistryError when there is no earlier champion, its version or file is gone
    or changed, or another promotion comes first.
    """
    client = open_client(tracking.uri, should_create=False)
    rows = Ledger(spark, find_ledger(name, tracking.uri, ledger), name)
    seen = rows.read()
    present = find_champion(client, name)
    if present is None:
        raise RegistryError(f"model {name!r} has no champion: there is nothing to roll back")
    target = _find_previous(client, name, present)
    fetch_model(f"models:/{name}/{target}", tracking.uri)
    with _claimed(client, rows, seen, name, target, present):
        rows.require_time()
        client.set_registered_model_alias(name, CHAMPION, str(target))
        client.set_model_version_tag(name, str(present), ROLLED_BACK_TAG, str(target))
    logger.info("%s: version %d is champion again, version %d no more", name, target, present)
    return Rollback(name=name, champion_version=target, rolled_back_version=present)


def _find_previous(client: MlflowClient, name: str, present: int) -> int:
    from mlflow.exceptions import MlflowException

    try:
        with quiet_mlflow(), short_waits():
            previous = client.get_model_version(name, str(present)).tags.get(PREVIOUS_TAG)
            if previous is None:
                raise RegistryError(f"version {present} of {name!r} remembers no champion before it: nothing was moved")
            tags = client.get_model_version(name, previous).tags
    except MlflowException as error:
        raise RegistryError(f"the champion of {name!r} before cannot be had: {explain_failure(error)}") from None
    if ROLLED_BACK_TAG in tags:
        raise RegistryError(
            f"version {previous}, the champion of {name!r} before version {present}, was rolled back itself: promote a "
            "version instead"
        )
    return int(previous)


@contextmanager
def _claimed(
    client: MlflowClient, ledger: Ledger, seen: Entry, name: str, version: int, present: int | None
) -> Iterator[None]:
    """The block may move the alias from `present` to `version`; the ledger says before and after that it does."""
    from mlflow.exceptions import MlflowException

    claimed = ledger.claim(seen, version, present)
    state = "dropped"
    try:
        found = find_champion(client, name)
        if found != present:
            who = f"version {found}" if found is not None else "nobody"
            raise RegistryError(f"{who} is champion of {name!r} meanwhile: run it again, for that state")
        with quiet_mlflow(), short_waits():
            yield
        state = "moved"
    except MlflowException as error:
        raise RegistryError(f"alias {CHAMPION} of {name!r} was not moved: {explain_failure(error)}") from None
    finally:
        _close(ledger, claimed, state)


def _close(ledger: Ledger, claimed: Entry, state: str) -> None:
    try:
        ledger.close(claimed, state)
    except Exception as error:
        logger.warning("the promotion ledger was not told the end and forgets it by itself: %s", error)
