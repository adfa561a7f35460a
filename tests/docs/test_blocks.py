"""Every block is of a known language, parses, and a config in it is one that dbx_dl takes."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import yaml

from dbx_dl.config import PrepareImagesConfig, RunConfig, parse_run_config
from tests.docs.blocks import LANGUAGES, Block, list_pages, read_blocks

BLOCKS = [block for page in list_pages() for block in read_blocks(page)]
OTHERS: dict[str, Any] = {
    "name": "others",
    "directory": "runs/others",
    "train": {"network": "mlp"},
    "registry": {"name": "others"},
    "score": {"source": "s", "source_format": "delta", "model": "models:/others@champion", "table": "t", "key": "id"},
}
PREPARES: dict[str, dict[str, Any]] = {
    "images": {"kind": "images", "source": "s", "table": "t", "height": 8, "width": 8},
    "table": {"kind": "table", "source": "s", "table": "t", "key": "id", "label": "label"},
}


def _place_of(block: Block) -> str:
    return block.place


@pytest.mark.parametrize("block", BLOCKS, ids=_place_of)
def test_block_is_of_a_known_language_and_has_a_reason_not_to_run(block: Block) -> None:
    assert block.language in LANGUAGES
    assert not block.not_run or len(block.not_run.split()) >= 3


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "python"], ids=_place_of)
def test_python_parses(block: Block) -> None:
    ast.parse(block.code, filename=block.place)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "console"], ids=_place_of)
def test_a_console_shows_commands(block: Block) -> None:
    assert block.commands


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "yaml"], ids=_place_of)
def test_yaml_is_valid_in_a_run(block: Block) -> None:
    """A block is a run, or sections of one, or several of those: the rest is put around them."""
    for values in yaml.safe_load_all(block.code):
        assert set(values) <= set(RunConfig.model_fields), f"{block.place}: write the section above its keys"
        parse_run_config(_complete(values), origin=block.place)


def _complete(values: dict[str, Any]) -> dict[str, Any]:
    given = values.get("prepare", {})
    kind = given.get("kind") or ("images" if set(given) <= set(PrepareImagesConfig.model_fields) else "table")
    parts = {**OTHERS, **values, "prepare": PREPARES.get(kind, {}) | given}
    for name in ("train", "registry", "score"):
        parts[name] = OTHERS[name] | values.get(name, {})
    return parts
