"""The health server answers with the verdict of the check."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from streams.operations.health.address import HealthAddress
from streams.operations.health.checks import HealthCheck
from streams.operations.health.progress import WorkerProgress
from streams.operations.health.server import HealthServer


@pytest.fixture
def server() -> Iterator[HealthServer]:
    progress = WorkerProgress(silent_after_s=10)
    running = HealthServer(HealthAddress("127.0.0.1", 0), HealthCheck(progress, limit_s=60))
    running.start()
    yield running
    running.stop()


def ask(server: HealthServer, path: str, method: str = "GET") -> tuple[int, dict[str, object]]:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_a_worker_that_has_just_started_is_live_and_not_ready(server: HealthServer) -> None:
    live, ready = ask(server, "/live"), ask(server, "/ready")

    assert live == (200, {"live": True, "because": []})
    assert ready[0] == 503
    assert ready[1]["ready"] is False
    assert ready[1]["because"]


def test_other_paths_and_methods_are_refused_with_what_there_is(server: HealthServer) -> None:
    assert ask(server, "/") == (404, {"error": "ask for /live or /ready"})
    assert ask(server, "/live", "POST") == (405, {"error": "ask with GET"})


def test_a_port_that_is_taken_is_an_error_at_the_start(server: HealthServer) -> None:
    second = HealthServer(
        HealthAddress("127.0.0.1", server.port), HealthCheck(WorkerProgress(silent_after_s=1), limit_s=1)
    )

    with pytest.raises(OSError, match="in use"):
        second.start()
