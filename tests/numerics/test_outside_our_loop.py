"""Feeds and distributed optimizers in people's own loops; what the terminal shows; which networks are refused."""

from __future__ import annotations

from tests.numerics.conftest import Numbers


def test_plain_loops_learn_from_a_feed(numbers: Numbers) -> None:
    first, _, last = numbers.alone["fit_losses"]
    assert last < first / 1.5


def test_plain_loops_learn_from_a_prepared_table(numbers: Numbers) -> None:
    losses = numbers.alone["feed_losses"]
    assert len(losses) == 4
    assert losses[-1] < 0.8 * losses[0]


def test_saved_keras_models_load_with_the_plain_optimizer(keras_numbers: Numbers) -> None:
    found = keras_numbers.alone
    assert found["loaded_optimizer"] == "keras.src.optimizers.adam.Adam"
    assert found["is_plain"]
    assert found["beta_1"] == 0.8
    assert found["iterations"] == 30
    assert found["is_equal"]


def test_keras_networks_beyond_2_gib_are_exported_with_weights_as_inputs(keras_numbers: Numbers) -> None:
    assert keras_numbers.alone["large_export_differs_by"] < 1e-5


def test_loader_workers_keep_the_order_of_batches(torch_numbers: Numbers) -> None:
    assert torch_numbers.alone["is_order_kept"]


def test_tensorflow_starts_quietly(keras_numbers: Numbers) -> None:
    for chatter in ("oneDNN", "cuInit", "absl", "retracing", "ran out of data"):
        assert chatter not in keras_numbers.terminal


def test_torch_is_quiet(torch_numbers: Numbers) -> None:
    assert torch_numbers.terminal == ""


def test_versions_name_what_the_numbers_depend_on(numbers: Numbers) -> None:
    versions = numbers.alone["versions"]
    own = {"keras": ["keras", "tensorflow", "onednn"], "torch": ["torch", "cpu_capability"]}[numbers.framework]
    assert {"python", "machine", "horovod", "numpy", "threads", *own} == set(versions)
    assert versions["threads"] == "1"


def test_networks_that_cannot_be_built_are_refused(numbers: Numbers) -> None:
    parts = {
        "unknown name": "did you mean 'convnet'?",
        "unknown option": "option 'droput' is unknown; did you mean 'dropout'?",
        "bad value": "option 'num_layers': Input should be greater than or equal to 0 (got -1)",
        "rows into convnet": "'mlp' takes both",
        "images into go_policy": "takes table rows",
        "tiny images": "at least 4x4 pixels, got 3x8",
        "not a network": "it returned NoneType",
        "wrong width": "shape (2, 9) for 2 rows; it must give logits of shape (2, 10)",
    }
    assert set(parts) == set(numbers.alone["refused"])
    for problem, message in numbers.alone["refused"].items():
        assert message.startswith("ConfigError: "), problem
        assert parts[problem] in message, problem
