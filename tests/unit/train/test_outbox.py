"""Messages to MLflow are sent in order, wait while its server is away, and survive the process that wrote them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from mlflow import MlflowClient

from dbx_dl.train.outbox import KnownRun, Message, Outbox, Unsent

RUN = KnownRun(run_id="r1", tracking_uri="http://somewhere:5000")


class Server:
    """Stands for MLflow: it may be away, and refuses metrics of some name."""

    def __init__(self) -> None:
        self.is_away = False
        self.received: list[Message] = []
        self.num_asked = 0

    def send(self, message: Message) -> None:
        self.num_asked += 1
        if self.is_away:
            raise ConnectionError("connection refused\nand more")
        if "bad" in message.metrics:
            raise ValueError("no such metric")
        self.received.append(message)


def open_outbox(server: Server, folder: Path, retry_seconds: float = 0.0) -> Outbox:
    return Outbox(
        RUN,
        folder / "unsent.json",
        server.send,
        lambda error: isinstance(error, ValueError),
        retry_seconds=retry_seconds,
    )


def metrics_at(step: int, name: str = "loss") -> Message:
    return Message(kind="metrics", time_ms=step, step=step, metrics={name: 1 / (step + 1)})


def steps_of(messages: tuple[Message, ...] | list[Message]) -> list[int]:
    return [message.step for message in messages]


def test_what_waits_is_sent_in_order_when_the_server_is_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = Server()
    outbox = open_outbox(server, tmp_path)
    outbox.add(metrics_at(0))
    server.is_away = True
    with caplog.at_level(logging.INFO):
        outbox.add(metrics_at(1))
        outbox.add(metrics_at(2))
        assert steps_of(outbox.waiting) == [1, 2]
        assert Unsent.load(tmp_path / "unsent.json").messages == outbox.waiting
        server.is_away = False
        outbox.add(metrics_at(3))
    assert steps_of(server.received) == [0, 1, 2, 3]
    assert not (tmp_path / "unsent.json").exists()
    assert caplog.text.count("MLflow does not answer (connection refused)") == 1
    assert caplog.text.count("MLflow is back") == 1


def test_while_the_server_is_away_it_is_asked_only_now_and_then(tmp_path: Path) -> None:
    server = Server()
    server.is_away = True
    outbox = open_outbox(server, tmp_path, retry_seconds=3600)
    for step in range(50):
        outbox.add(metrics_at(step))
    assert server.num_asked == 1
    assert not outbox.flush()
    assert server.num_asked == 2
    assert len(Unsent.load(tmp_path / "unsent.json").messages) == 50


def test_another_process_sends_what_was_kept(tmp_path: Path) -> None:
    server = Server()
    server.is_away = True
    first = open_outbox(server, tmp_path)
    first.add(metrics_at(4))
    first.add(Message(kind="end", time_ms=9, status="FINISHED"))
    server.is_away = False
    assert open_outbox(server, tmp_path).flush()
    assert [message.kind for message in server.received] == ["metrics", "end"]


def test_what_the_server_refuses_is_dropped_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = Server()
    outbox = open_outbox(server, tmp_path)
    outbox.add(metrics_at(0, "bad"))
    outbox.add(metrics_at(1))
    assert steps_of(server.received) == [1]
    assert "MLflow refused metrics of run r1: no such metric" in caplog.text


@pytest.mark.parametrize("is_refused", [True, False])
def test_warnings_have_no_password_of_the_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, is_refused: bool
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    client = MlflowClient("http://u:SECRET@127.0.0.1:9", "http://u:SECRET@127.0.0.1:9")
    outbox = Outbox(
        RUN, tmp_path / "unsent.json", lambda message: client.set_terminated("r1"), lambda error: is_refused
    )
    with caplog.at_level(logging.WARNING, logger="dbx_dl"):
        outbox.add(Message(kind="end", time_ms=1, status="FINISHED"))
    told = [record.getMessage() for record in caplog.records if record.name.startswith("dbx_dl")]
    assert len(told) == 1 and "http://***@127.0.0.1:9" in told[0] and "SECRET" not in told[0]
