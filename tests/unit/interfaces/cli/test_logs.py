"""Logs are one line each, hold no personal data, and stay quiet while a broker is away."""

from __future__ import annotations

import io
import json
import logging

import pytest
from aiokafka.errors import KafkaConnectionError

from streams.interfaces.cli import logs

SECRET = "ada@example.com"


@pytest.fixture
def stream(kept_logging: None) -> io.StringIO:
    """Logs as JSON, in memory."""
    stream = io.StringIO()
    logs.configure(as_json=True, stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_log_line_begins_with_time_level_logger_and_event(stream: io.StringIO) -> None:
    logging.getLogger("streams.worker").info("ready", extra={"group": "leads"})

    (line,) = lines(stream)
    assert list(line) == ["time", "level", "logger", "event", "group"]
    assert (line["level"], line["event"], line["group"]) == ("info", "ready", "leads")


def test_the_text_of_a_foreign_exception_is_left_out_and_its_type_logged(stream: io.StringIO) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        logging.getLogger("streams.engine.faust.app").exception("cannot settle a batch")
        logging.getLogger("faust").error("Crashed reason=%r", error)  # noqa: TRY400 - as Faust does it
        logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: %s", error)  # noqa: TRY400

    assert SECRET not in stream.getvalue()
    assert lines(stream)[0]["exception"] == "builtins.ValueError"
    assert lines(stream)[1]["event"] == "Crashed reason='ValueError'"


def test_trouble_with_a_connection_is_logged(stream: io.StringIO) -> None:
    logging.getLogger("aiokafka").error("Unable to connect: %s", KafkaConnectionError("refused by 10.0.0.1"))

    assert "refused by 10.0.0.1" in str(lines(stream)[0]["event"])


def test_starts_and_stops_of_services_are_not_logged(stream: io.StringIO) -> None:
    logging.getLogger("streams.engine.faust.transport").info("[^-Consumer]: Starting...")
    logging.getLogger("aiokafka").info("joined")

    assert stream.getvalue() == ""


def test_a_repeated_message_of_a_library_is_logged_once_in_thirty_seconds_with_its_count() -> None:
    now = [0.0]
    seldom = logs.Seldom(("aiokafka",), 30.0, clock=lambda: now[0])

    def record(name: str = "aiokafka.consumer") -> logging.LogRecord:
        return logging.LogRecord(name, logging.ERROR, "", 0, "Unable to connect to %s", ("x",), None)

    shown = [seldom(record()) for _ in range(1000)]
    ours = [seldom(record("streams.engine.faust.app")) for _ in range(3)]
    now[0] = 31.0
    later = record()

    assert (shown.count(True), ours.count(True)) == (1, 3)
    assert seldom(later)
    assert later.__dict__["left_out"] == 999
