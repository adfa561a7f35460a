"""What people read holds no secret, and everything else as it was."""

from __future__ import annotations

import time

import pytest

from dbx_dl.contracts.secret_texts import hide_secrets, hide_values, is_secret_name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no answer from postgresql://u:SECRET@h/db", "no answer from postgresql://***@h/db"),
        ("https://TOKEN@h/x", "https://***@h/x"),
        ("see https://docs/x: mysql://u:SECRET@h and mysql://u:SECRET@g", "see https://docs/x: mysql://***@h and mysql://***@g"),
        ("postgresql://u:p@SECRET@h/db", "postgresql://***@h/db"),
        ("postgresql://u:p/SECRET@h/db", "postgresql://***@h/db"),
        ("postgresql://h/db?user=u&password=SECRET&sslmode=on", "postgresql://h/db?user=u&password=***&sslmode=on"),
        ("mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3DSECRET", "mssql+pyodbc:///?odbc_connect=***"),
        ("https://a/c?sv=1&sig=SECRET%2F&se=2", "https://a/c?sv=1&sig=***&se=2"),
        ("--set feed.aws_secret_access_key=SECRET x", "--set feed.aws_secret_access_key=*** x"),
        ('{"uri": "http://u:SECRET@h"}', '{"uri": "http://***@h"}'),
    ],
)  # fmt: skip
def test_secrets_are_hidden(text: str, shown: str) -> None:
    assert hide_secrets(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "abfss://container@account.dfs.core.windows.net/table",
        "http://localhost:5000/#/models/a@champion",
        "models:/digits@champion",
        "write to me@example.com, see https://example.com/a",
        "sqlite:////data/m.db",
        "design=3 num_tokens=5 aws_access_key_id=AKIA",
    ],
)
def test_all_else_stays(text: str) -> None:
    assert hide_secrets(text) == text


def test_long_texts_take_no_long_time() -> None:
    started = time.perf_counter()
    for part in ("://", "a:", "a://b:", "=", "a=", "x"):
        hide_secrets(part * 50_000)
    assert time.perf_counter() - started < 20  # a quadratic pattern takes minutes


def test_values_stay_but_those_of_secret_names() -> None:
    given = {"uri": "http://u:SECRET@h", "list": [{"api_key": 5, "n": 1.5}], "password": None, 3: ("a",)}
    shown = {"uri": "http://***@h", "list": [{"api_key": "***", "n": 1.5}], "password": "***", 3: ["a"]}
    assert hide_values(given) == shown


@pytest.mark.parametrize("name", ["azure_storage_master_key", "aws_sse_customer_key_base64", "bearer_token"])
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name) and is_secret_name(name.upper())


@pytest.mark.parametrize("name", ["aws_access_key_id", "aws_sse_kms_key_id", "aws_region", "key", "null_tokens"])
def test_names_of_no_secrets(name: str) -> None:
    assert not is_secret_name(name)
