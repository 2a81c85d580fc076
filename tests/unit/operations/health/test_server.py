"""Answers of the health server, asked over a loopback connection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from streams.operations.health.address import HealthAddress
from streams.operations.health.checks import HealthCheck
from streams.operations.health.progress import WorkerProgress
from streams.operations.health.server import HealthServer

LIMIT_S = 1
HANGS = "assign_owner has work and has made no progress for 6 s"


class Worker:
    """A worker's progress on a clock that the test moves, and its server."""

    def __init__(self) -> None:
        self.now = 0.0
        self.progress = WorkerProgress(silent_after_s=10, clock=lambda: self.now)
        self.check = HealthCheck(self.progress, limit_s=LIMIT_S, wall=lambda: 0.0)
        self.server = HealthServer(HealthAddress("127.0.0.1", 0), self.check)

    def hang(self) -> None:
        self.progress.part("assign_owner").begin()
        for _ in range(3):
            self.check.look()
            self.now += 2

    def ask(self, path: str, method: str = "GET") -> tuple[int, object]:
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, json.loads(body) if body else None


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    with made.server:
        yield made


def test_a_worker_that_has_not_joined_its_group_is_live_and_not_ready(worker: Worker) -> None:
    status, document = worker.ask("/ready")

    assert worker.ask("/live") == (200, {"live": True, "because": []})
    assert (status, document) == (503, worker.check.look().document)


def test_a_worker_that_hangs_is_not_live_and_the_answer_has_the_reason(worker: Worker) -> None:
    worker.hang()

    status, document = worker.ask("/live")

    assert (status, document) == (503, {"live": False, "because": [HANGS]})


@pytest.mark.parametrize(
    ("path", "method", "answer"),
    [
        ("/", "GET", (404, {"error": "ask for /live or /ready"})),
        ("/live", "POST", (405, {"error": "ask with GET"})),
        ("/live", "HEAD", (200, None)),
    ],
)
def test_only_two_paths_are_answered_and_only_to_readers(
    worker: Worker, path: str, method: str, answer: tuple[int, object]
) -> None:
    assert worker.ask(path, method) == answer
