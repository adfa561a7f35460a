"""Promotions and rollbacks on a real MLflow database with a real Delta ledger, also at once and after a kill."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from pyspark.sql import SparkSession

from dbx_dl import promote_model, register_model, rollback_model
from dbx_dl.config import FairnessConfig, GroupLimit, LatencyLimit, MetricLimit, RegisterConfig, TrackingConfig
from dbx_dl.contracts import PreparedTable, Promotion, RegisteredModel
from dbx_dl.errors import ConfigError, DataError, RegistryError
from dbx_dl.register.ledger import LEASE_SECONDS, Entry, Ledger, find_ledger
from dbx_dl.runtime.processes import call_in_process
from dbx_dl.runtime.tables import quote_table
from dbx_dl.runtime.tracking import open_client
from dbx_dl.score.model.model_file import fetch_model
from tests.onnx_models import describe_onnx, make_weights, write_linear_model
from tests.prepared_tables import SPEC, write_feature_table, write_number_table
from tests.registered_models import GOOD, register, start_run


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    return write_feature_table(tmp_path_factory.mktemp("data") / "table", {"train": 40, "validation": 10, "test": 90})


@pytest.fixture(scope="module")
def trio(
    tmp_path_factory: pytest.TempPathFactory, prepared: PreparedTable, tracking: TrackingConfig
) -> list[RegisteredModel]:
    """Versions 1 to 3 of `trio`: poor, fair and perfect."""
    fair = GOOD.copy()
    fair[1] *= 0.2
    folder = tmp_path_factory.mktemp("trio")
    weights = [make_weights(SPEC, 2, seed=3), fair, GOOD]
    return [register(folder / str(k), prepared, tracking, "trio", w) for k, w in enumerate(weights)]


def champion_of(tracking: TrackingConfig, name: str) -> int:
    return int(open_client(tracking.uri).get_registered_model(name).aliases["champion"])


def test_what_was_compared_is_told_and_kept_with_the_version(
    spark: SparkSession, prepared: PreparedTable, tracking: TrackingConfig, trio: list[RegisteredModel]
) -> None:
    config = RegisterConfig(
        name="trio",
        threshold=0.6,
        limits={"log_loss": MetricLimit(max_loss=0.5)},
        groups=(GroupLimit(column="colour", threshold=0.5, min_rows=10),),
        latency=LatencyLimit(max_ms_per_row=100.0, max_slowdown=50.0),
    )
    assert promote_model(spark, trio[1:2], config, tracking=tracking).champion_version == 2
    found = promote_model(spark, trio[2:], config, tracking=tracking)
    assert (found.champion_version, found.previous_version, found.present_version) == (3, 2, 2)
    good, fair = found.models
    assert good.metrics["accuracy"].value == found.values[3] == 1.0 and good.metrics["accuracy"].high == 1.0
    assert fair.metrics["accuracy"].low < found.values[2] < fair.metrics["accuracy"].high
    gain = good.differences["accuracy"]
    assert gain.value == pytest.approx(1.0 - found.values[2]) and 0 < gain.low <= gain.value <= gain.high
    assert [(g.group, g.num_rows) for g in good.groups] == [("blue", 30), ("red", 30), ("(null)", 30)]
    assert good.latency is not None and good.latency.ms_per_call > 0
    # Threshold, margin, three groups, two latencies, and that it is better.
    assert [check.is_met for check in found.checks] == [True] * 8
    client = open_client(tracking.uri)
    version = client.get_model_version("trio", "3")
    assert version.tags["dbx_dl_decision"] == found.reason
    assert "### Promotion" in version.description and "trained with torch" in version.description
    run_id, path = found.record.removeprefix("runs:/").split("/", 1)
    assert run_id == version.run_id and version.tags["dbx_dl_decision_record"] == found.record
    stored = client.download_artifacts(run_id, path)
    assert Promotion.load(stored) == found


def test_rollbacks_walk_back_and_end(
    spark: SparkSession, tracking: TrackingConfig, trio: list[RegisteredModel]
) -> None:
    """Comes after the test above: 3 is champion, 2 was before it; 1 never was."""
    found = rollback_model(spark, "trio", tracking=tracking)
    assert (found.champion_version, found.rolled_back_version, champion_of(tracking, "trio")) == (2, 3, 2)
    with pytest.raises(RegistryError, match="version 2 of 'trio' remembers no champion before it: nothing was moved"):
        rollback_model(spark, "trio", tracking=tracking)
    assert open_client(tracking.uri).get_model_version("trio", "3").tags["dbx_dl_rolled_back_to"] == "2"
    client = open_client(tracking.uri)
    client.set_model_version_tag("trio", "2", "dbx_dl_previous_champion", "3")
    with pytest.raises(RegistryError, match="version 3, the champion of 'trio' before version 2, was rolled back"):
        rollback_model(spark, "trio", tracking=tracking)
    client.delete_model_version_tag("trio", "2", "dbx_dl_previous_champion")
    again = promote_model(spark, trio[2:], RegisterConfig(name="trio"), tracking=tracking)
    assert again.champion_version == 3
    assert "dbx_dl_rolled_back_to" not in client.get_model_version("trio", "3").tags
    assert rollback_model(spark, "trio", tracking=tracking).champion_version == 2


def test_what_cannot_be_rolled_back_is_told(
    spark: SparkSession, tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig
) -> None:
    register(tmp_path, prepared, tracking, "untried")
    with pytest.raises(RegistryError, match="'untried' has no champion: there is nothing to roll back"):
        rollback_model(spark, "untried", tracking=tracking)
    with pytest.raises(RegistryError, match="'absent' cannot be read from the registry"):
        rollback_model(spark, "absent", tracking=tracking)


def test_conditions_that_do_not_fit_the_table_are_refused(
    spark: SparkSession, tracking: TrackingConfig, trio: list[RegisteredModel]
) -> None:
    with pytest.raises(ConfigError, match="rmse is no metric of task multiclass: choose from accuracy, "):
        promote_model(spark, trio, RegisterConfig(name="trio", metric="rmse"), tracking=tracking)
    config = RegisterConfig(name="trio", groups=(GroupLimit(column="color", threshold=0.5),))
    with pytest.raises(DataError, match="has no column 'color'; did you mean 'colour'"):
        promote_model(spark, trio, config, tracking=tracking)
    config = RegisterConfig(name="trio", groups=(GroupLimit(column="colour", threshold=1.0, min_rows=1),))
    found = promote_model(spark, trio[:1], config, tracking=tracking)
    assert found.champion_version == 2 and "accuracy where colour = " in found.reason


def test_groups_are_compared_and_kept_within_limits(
    spark: SparkSession, prepared: PreparedTable, tracking: TrackingConfig, trio: list[RegisteredModel]
) -> None:
    favourable = prepared.target.label_names[1]
    fairness = FairnessConfig(columns=("colour",), favourable=favourable, weight_column="y", min_rows=10)
    with pytest.raises(DataError, match=r"`fairness\.weight_column` 'y' must hold a number of 0 or more"):
        promote_model(spark, trio[:1], RegisterConfig(name="trio", fairness=fairness), tracking=tracking)
    wrong = fairness.model_copy(update={"favourable": "rich"})
    with pytest.raises(ConfigError, match=r"`fairness\.favourable` is 'rich', which is no label: choose from"):
        promote_model(spark, trio[:1], RegisterConfig(name="trio", fairness=wrong), tracking=tracking)
    fairness = FairnessConfig(
        columns=("colour",),
        favourable=favourable,
        min_rows=10,
        max_gaps={"demographic_parity_difference": 0.0, "calibration_error_difference": 1.0},
        min_parity_ratio=0.01,
    )
    found = promote_model(spark, trio[:1], RegisterConfig(name="trio", fairness=fairness), tracking=tracking)
    measured = found.models[0].fairness
    assert measured is not None and [group.group for group in measured.groups] == ["blue", "red", "(null)"]
    rates = [group.selection_rate for group in measured.groups]
    assert measured.gaps["colour"]["demographic_parity_difference"] == pytest.approx(max(rates) - min(rates))
    told = {check.detail.split(" ")[0]: check.is_met for check in found.checks}
    assert told["demographic_parity_difference"] is False and told["calibration_error_difference"] is True
    run_id = trio[0].onnx.trained.run_id
    metrics = open_client(tracking.uri).get_run(run_id).data.metrics
    assert metrics["colour.demographic_parity_difference"] == pytest.approx(max(rates) - min(rates))


def test_of_claims_at_once_one_wins(spark: SparkSession, tmp_path: Path) -> None:
    """Two sessions that saw the same generation, on one table that neither has made; more than once."""
    spark.range(1).write.format("delta").save(str(tmp_path / "other"))
    with pytest.raises(DataError, match=r"the promotion ledger .*other has no column 'model'; it has 'id'"):
        Ledger(spark, str(tmp_path / "other"), "m").read()
    table = str(tmp_path / "ledger")
    ledgers = [Ledger(spark.newSession(), table, "m") for _ in range(2)]
    for generation in range(2):
        start = Barrier(2)

        def claim(ledger: Ledger, version: int, seen: Entry, start: Barrier = start) -> Entry | RegistryError:
            start.wait()
            try:
                return ledger.claim(seen, version, None)
            except RegistryError as error:
                return error

        seen = [ledger.read() for ledger in ledgers]
        with ThreadPoolExecutor(2) as pool:
            results = [r.result() for r in [pool.submit(claim, ledgers[k], 10 + k, seen[k]) for k in range(2)]]
        won = [result for result in results if isinstance(result, Entry)]
        (lost,) = [result for result in results if isinstance(result, RegistryError)]
        assert len(won) == 1 and won[0].generation == generation + 1
        assert f"another promotion of 'm' came first ({won[0].holder}, version {won[0].champion})" in str(lost)
        assert "\n" not in str(lost)
        with pytest.raises(RegistryError, match=r"is being promoted by .* right now"):
            ledgers[0].read()
        ledgers[results.index(won[0])].close(won[0], "moved")


def test_of_promotions_at_once_the_alias_is_the_winners(
    spark: SparkSession, tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig
) -> None:
    config = RegisterConfig(name="at_once")
    models = [register(tmp_path / str(k), prepared, tracking, "at_once", GOOD * (k + 1)) for k in range(2)]
    sessions = [spark.newSession() for _ in models]

    def promote(number: int) -> Promotion | RegistryError:
        try:
            return promote_model(sessions[number], [models[number]], config, tracking=tracking)
        except RegistryError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(promote, range(2)))
    moved = [r for r in results if isinstance(r, Promotion) and r.present_version != r.champion_version]
    # Equal models: whoever was later either lost the race or found the other one's champion, which it only equals.
    assert len(moved) == 1 and champion_of(tracking, "at_once") == moved[0].champion_version
    entry = Ledger(spark, find_ledger("at_once", tracking.uri), "at_once").read()
    assert (entry.generation, entry.state, entry.champion) == (1, "moved", moved[0].champion_version)


def test_a_killed_promotion_is_waited_for_and_forgotten(
    spark: SparkSession, tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig
) -> None:
    config = RegisterConfig(name="killed")
    model = register(tmp_path, prepared, tracking, "killed", GOOD)
    table = find_ledger("killed", tracking.uri)
    Ledger(spark, table, "killed").claim(Entry(), model.version, None)  # and nothing more: its process is dead
    with pytest.raises(RegistryError, match=f"killed is forgotten after {LEASE_SECONDS} s"):
        promote_model(spark, [model], config, tracking=tracking)
    spark.sql(
        f"UPDATE {quote_table(table)} SET changed_at = changed_at - INTERVAL {LEASE_SECONDS} SECONDS "
        "WHERE model = 'killed'"
    ).collect()
    assert promote_model(spark, [model], config, tracking=tracking).champion_version == model.version


def test_a_champion_that_was_moved_by_hand_meanwhile_is_not_overrun(
    spark: SparkSession, tracking: TrackingConfig, trio: list[RegisteredModel]
) -> None:
    from dbx_dl.register.champion import move_champion

    client = open_client(tracking.uri)
    before = champion_of(tracking, "trio")
    ledger = Ledger(spark, find_ledger("trio", tracking.uri), "trio")
    seen = ledger.read()
    client.set_registered_model_alias("trio", "champion", "1")
    with pytest.raises(RegistryError, match="version 1 is champion of 'trio' meanwhile"):
        move_champion(client, ledger, seen, "trio", 3, before)
    assert champion_of(tracking, "trio") == 1 and ledger.read().state == "dropped"
    client.set_registered_model_alias("trio", "champion", str(before))


def test_a_champion_whose_file_is_away_is_not_taken_for_a_worse_one(
    spark: SparkSession, tmp_path: Path, prepared: PreparedTable, tracking: TrackingConfig
) -> None:
    register(tmp_path / "old", prepared, tracking, "away")
    open_client(tracking.uri).set_registered_model_alias("away", "champion", "1")
    fetch_model("models:/away/1", tracking.uri).path.unlink()
    new = register(tmp_path / "new", prepared, tracking, "away", GOOD)
    with pytest.raises(RegistryError, match="version 1, champion of 'away', cannot be compared with: "):
        promote_model(spark, [new], RegisterConfig(name="away"), tracking=tracking)
    assert champion_of(tracking, "away") == 1


def test_models_of_numbers_are_compared_by_their_errors(
    spark: SparkSession, tmp_path: Path, tracking: TrackingConfig
) -> None:
    numbers = write_number_table(tmp_path / "numbers", "regression", {"train": 4, "test": 40})
    models = []
    for seed in range(2):
        path = tmp_path / str(seed) / "model.onnx"
        path.parent.mkdir()
        write_linear_model(path, numbers.inputs, (), seed=seed, task="regression")
        onnx = describe_onnx(numbers, path, {"rmse": 1.0}, start_run(tracking))
        models.append(register_model(onnx, RegisterConfig(name="numbers"), tracking=tracking))
    config = RegisterConfig(name="numbers", limits={"mae": MetricLimit(threshold=1e9)})
    found = promote_model(spark, models, config, tracking=tracking)
    assert found.metric == "rmse" and set(found.models[0].metrics) == {"rmse", "mae", "r2", "mape"}
    assert found.champion_version == min(found.values, key=lambda version: found.values[version])
    assert found.models[0].metrics["rmse"].low < found.models[0].metrics["rmse"].value


def test_intervals_are_repeatable(spark: SparkSession, tracking: TrackingConfig, trio: list[RegisteredModel]) -> None:
    config = RegisterConfig(name="trio", threshold=2.0, num_resamples=100, seed=5)
    first, second = (promote_model(spark, trio[:1], config, tracking=tracking) for _ in range(2))
    assert [m.metrics for m in first.models] == [m.metrics for m in second.models]
    assert [m.differences for m in first.models] == [m.differences for m in second.models]
    assert np.isfinite([e.low for m in first.models for e in m.metrics.values()]).all()


@pytest.mark.matrix
def test_of_claims_in_two_processes_one_wins_each_generation(tmp_path: Path) -> None:
    """Both make the table, then try the same generations: each is won once, by one of them."""
    command = [sys.executable, "-m", "tests.spark.register.claim_often", str(tmp_path / "ledger"), "12"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, cwd=Path(__file__).parents[3], **pipes) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    outputs = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        outputs.append(json.loads(process.communicate(timeout=300)[0]))
    won = sorted(generation for output in outputs for generation in output)
    assert won == list(range(1, 13))


@pytest.mark.matrix
def test_promotions_on_connect(tmp_path: Path) -> None:
    found = call_in_process("tests.spark.register.connect_process:promote_twice", {"folder": str(tmp_path)})
    assert found["session"].startswith("pyspark.sql.connect")
    assert (found["champion"], found["back"], found["ledger"]) == (2, 1, [3, "moved", 1])
