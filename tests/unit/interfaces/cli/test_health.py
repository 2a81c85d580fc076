"""`leads health` asks a worker's health address, and its exit code is the answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.support.in_process import Leads

BECAUSE = "the store has not answered for 40 s"


class AliveAndNotReady(BaseHTTPRequestHandler):
    """Answers as a worker does that lives and makes no progress."""

    def do_GET(self) -> None:
        """Answer 200 to /live and 503 to every other path."""
        is_live = self.path == "/live"
        body = json.dumps({"because": [] if is_live else [BECAUSE]}).encode()
        self.send_response(200 if is_live else 503)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), AliveAndNotReady) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_worker_that_lives_and_is_not_ready_has_two_exit_codes(leads: Leads, port: int) -> None:
    leads.monkeypatch.setenv("LEADS_HEALTH", str(port))

    live = leads.run("health")
    ready = leads.run("health", "--ready")
    as_json = leads.run("health", "--ready", "--json")

    assert (live.code, live.out, live.err) == (0, "The worker is alive.\n", "")
    assert (ready.code, ready.out, ready.err) == (1, "The worker is not ready.\n", f"Because: {BECAUSE}.\n")
    assert (as_json.code, as_json.json) == (1, {"because": [BECAUSE]})


def test_without_an_address_or_an_answer_the_variable_is_named(leads: Leads) -> None:
    unset = leads.run("health")
    leads.monkeypatch.setenv("LEADS_HEALTH", "1")
    unanswered = leads.run("health")

    assert (unset.code, unanswered.code) == (2, 3)
    assert "LEADS_HEALTH" in unset.err
    assert "LEADS_HEALTH" in unanswered.err
