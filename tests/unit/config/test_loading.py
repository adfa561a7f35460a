"""A config's mistakes are told with the keys that people wrote, and with what they may have meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbx_dl.config import FolderSource, IdxSource, PrepareImagesConfig, load_run_config, parse_run_config
from dbx_dl.errors import ConfigError

IMAGES = {"kind": "images", "table": "t", "height": 1, "width": 1}
TABLE = {"kind": "table", "source": "s", "table": "t", "key": "k", "label": "l"}


def run_values(prepare: Any) -> dict[str, Any]:
    score = {"source": "s", "source_format": "csv", "model": "m", "table": "t"}
    return {
        "name": "a", "directory": "d", "train": {"network": "n"}, "registry": {"name": "r"}, "score": score,
        "prepare": prepare,
    }  # fmt: skip


def explain(prepare: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_run_config(run_values(prepare))
    return str(caught.value)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        ({**IMAGES, "source": {"pth": "x"}}, "unknown key 'prepare.source.pth'; did you mean 'path'?"),
        ({**IMAGES, "source": {"format": "table", "tabel": "x"}}, "unknown key 'prepare.source.tabel'; did you mean"),
        (
            {**IMAGES, "source": {"format": "idx", "pairs": [{"imges": "x"}]}},
            "unknown key 'prepare.source.pairs.0.imges'; did you mean 'images'?",
        ),
        ({**IMAGES, "source": {"format": "idx", "pairs": [{}]}}, "key 'prepare.source.pairs.0.images' is required"),
        ({**IMAGES, "source": {"format": "coco"}}, "key 'prepare.source.annotations' is required"),
        ({**IMAGES, "source": "s", "split": {"trian": 1}}, "unknown key 'prepare.split.trian'; did you mean 'train'?"),
        ({**IMAGES, "source": "s", "split": {"files": {"a": "test"}}}, "`split.files` is for tables"),
        ({**TABLE, "csv": {"names": ["a"]}}, "`names` go with `header: false`"),
        ({**TABLE, "csv": {"header": False, "names": ["a", "a"]}}, "`names` holds 'a' twice"),
        ({**TABLE, "csv": {"comment": ","}}, "`comment` ',' is the quote or the delimiter too"),
        (
            {**TABLE, "csv": {"files": ["a.csv"]}, "split": {"files": {"b.csv": "test"}}},
            "`split.files` has 'b.csv', which is none of `csv.files`: a.csv",
        ),
        ({**IMAGES, "source": "s", "wdth": 3}, "unknown key 'prepare.wdth'; did you mean 'width'?"),
        (
            {**TABLE, "columns": {"age": {"kind": "numeric", "imput": "mean"}}},
            "unknown key 'prepare.columns.age.imput'; did you mean 'impute'?",
        ),
        (
            {**TABLE, "columns": {"numeric": {"kind": "numeric", "imput": "mean"}}},
            "unknown key 'prepare.columns.numeric.imput'; did you mean 'impute'?",
        ),
        ({**TABLE, "zzzzz": 1}, "unknown key 'prepare.zzzzz'; valid keys: columns, csv, "),
    ],
)
def test_keys_are_named_as_they_are_written(prepare: Any, message: str) -> None:
    assert message in explain(prepare)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (
            {**IMAGES, "source": {"format": "foldr", "path": "x"}},
            "prepare.source.format: 'foldr' is unknown; did you mean 'folders'? "
            "valid values: folders, manifest, idx, coco, table",
        ),
        (
            {**IMAGES, "source": {"format": "zip"}},
            "'zip' is unknown; valid values: folders, manifest, idx, coco, table",
        ),
        (
            {"kind": "image"},
            "prepare.kind: 'image' is unknown; did you mean 'images'? valid values: images, audio, table",
        ),
        ({"source": "x"}, "key 'prepare.kind' is required: one of images, audio, table"),
        (
            {**TABLE, "columns": {"a.b": "catgorical"}},
            "prepare.columns.a.b.kind: 'catgorical' is unknown; did you mean 'categorical'?",
        ),
        ({**TABLE, "columns": {"c": {"impute": "mean"}}}, "key 'prepare.columns.c.kind' is required: one of numeric,"),
    ],
)
def test_unknown_kinds_name_the_valid_ones(prepare: Any, message: str) -> None:
    assert message in explain(prepare)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        ({**IMAGES, "source": 7}, "prepare.source: Input should be a valid dictionary or object"),
        ({**IMAGES, "source": "s", "split": {"train": "much"}}, "prepare.split.train: Input should be a valid number"),
        ({**IMAGES, "source": "s", "split": {"train": 0.5}}, "prepare.split: split fractions must sum to 1, got 0.8"),
        ({**IMAGES, "source": {"path": "s", "label": "pattern"}}, "prepare.source: `label: pattern` and `pattern` go"),
        (
            {**IMAGES, "source": {"path": "s", "label": "pattern", "pattern": "("}},
            "pattern '(' is no regular expression",
        ),
        (
            {**IMAGES, "source": {"path": "s", "label": "pattern", "pattern": "a"}},
            "pattern 'a' needs a group named label",
        ),
        (
            {**IMAGES, "source": {"format": "idx", "pairs": []}},
            "prepare.source.pairs: Tuple should have at least 1 item",
        ),
        ({**IMAGES, "source": "s", "resize": "pad", "encoding": "original"}, "resized images need `encoding"),
        (
            {**TABLE, "columns": {"numeric": {"kind": "numeric", "impute": "constant"}}},
            "prepare.columns.numeric: `impute: constant` and `fill_value` go together",
        ),
    ],
)
def test_values_that_cannot_be(prepare: Any, message: str) -> None:
    told = explain(prepare)
    assert message in told
    assert "\n" not in told
    # The section's other values are not repeated.
    assert "{" not in told


def test_given_values_are_shown_and_cut() -> None:
    assert "(got 'much')" in explain({**IMAGES, "source": "s", "split": {"train": "much"}})
    assert len(explain({**IMAGES, "source": "s", "split": {"train": "much" * 1000}})) < 300


def test_a_folder_is_a_source_and_tags_are_not_needed() -> None:
    for source in ("f", {"path": "f"}, {"format": "folders", "path": "f"}):
        prepare = parse_run_config(run_values({**IMAGES, "source": source})).prepare
        assert isinstance(prepare, PrepareImagesConfig)
        assert prepare.source == FolderSource(path="f")
        assert prepare.source.place == "f"


def test_sources_name_their_place() -> None:
    pairs = [{"images": "a"}, {"images": "b", "labels": "c", "split": "test"}]
    prepare = parse_run_config(run_values({**IMAGES, "source": {"format": "idx", "pairs": pairs}})).prepare
    assert isinstance(prepare, PrepareImagesConfig)
    assert isinstance(prepare.source, IdxSource)
    assert prepare.source.place == "a, b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not valid YAML"),
        ("- 1", "must hold a mapping of keys, such as `name: digits`, and holds a list"),
        (None, "cannot read the run config"),
    ],
)
def test_files_that_are_no_config(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "run.yml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load_run_config(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"train": {"network": "n", "feed": {"storage_options": {"aws_secret_access_key": 987654321}}}},
        {"train": {"network": "n", "feed": {"storage_options": "account_key=987654321"}}},
        {"train": {"network": "n", "feed": {"storage_options": {"azure_storage_master_key": "987654321"}}}},
        {"train": {"network": "n", "feed": {"storage_options": {"proxy_url": "http://u:987654321@proxy"}}}},
        {"train": {"network": "n", "feed": [{"storage_options": {"client_secret": "987654321"}}]}},
        {"spark": {"settings": {"spark.hadoop.fs.azure.account.key.a": 987654321}}},
        {"tracking": "postgresql://u:987654321@h/db"},
        {"tracking": {"uri": ["postgresql://u:987654321@h/db"]}},
    ],
)
def test_messages_show_no_secret(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_run_config({**run_values({**IMAGES, "source": "s"}), **changes})
    assert "987654321" not in str(caught.value)


def test_a_syntax_error_is_told_by_its_place_not_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "run.yml"
    path.write_text("name: a\ntracking:\n  uri: postgresql://u:SECRET@h/db: x\n")
    with pytest.raises(ConfigError, match=r"line 3, column 34: mapping values are not allowed here") as caught:
        load_run_config(path)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"), [(b"a: \xff", "byte 3 is no UTF-8"), (b"a: " + b"[" * 5000, "nested too deeply")]
)
def test_files_that_are_no_text_or_too_deep(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "run.yml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_run_config(path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train": None}, "train: it must be a section of keys (got None)"),
        ({"frameworks": "keras"}, "frameworks: it must be a list, such as [a, b] (got 'keras')"),
        ({"frameworks": ["keras", "keras"]}, "frameworks: one stands twice in keras, keras: keep one of them"),
        ({"directory": ""}, "directory: String should have at least 1 character (got '')"),
        ({"prepare": {**TABLE, "table": ""}}, "prepare.table: String should have at least 1 character"),
        ({"prepare": {**IMAGES, "source": ""}}, "prepare.source.path: String should have at least 1 character"),
        ({"registry": {"name": "r", "threshold": float("nan")}}, "registry.threshold: Input should be a finite number"),
        (
            {"train": {"network": "n", "optimizer": {"learning_rate": float("inf")}}},
            "train.optimizer.learning_rate: Input should be a finite number",
        ),
        *(
            (
                {"score": {"source": "s", "source_format": "csv", "model": "m", "table": "t", "key": key}},
                f"score: key must be a column, or several that differ, got {found}",
            )
            for key, found in (("", "''"), ([], "()"), (["a", "a"], "('a', 'a')"))
        ),
        ({1: 2}, "1: a key must be text"),
    ],
)
def test_values_of_other_sections_that_cannot_be(changed: dict[Any, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_run_config({**run_values(TABLE), **changed})
    assert message in str(caught.value)


def test_values_that_are_no_mapping() -> None:
    with pytest.raises(ConfigError, match=r"^run config: it must be a section of keys \(got 'x'\)$"):
        parse_run_config("x")  # type: ignore[arg-type]
