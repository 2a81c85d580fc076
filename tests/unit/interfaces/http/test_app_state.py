"""Requests share one state: keys decide who may do what, and jobs run beside the requests."""

from __future__ import annotations

import pytest

from streams.interfaces.http.app_state import operator
from streams.interfaces.http.problems import ProblemError
from tests.support.letters import lettered
from tests.support.requests import LETTERS, Requests, api_key


def test_an_operator_may_change_things_and_a_viewer_is_refused_by_name() -> None:
    ann = api_key("ann", "operator")

    assert operator(ann) == ann
    with pytest.raises(ProblemError, match="watcher is a viewer") as refused:
        operator(api_key("watcher", "viewer"))
    assert refused.value.status == 403


async def test_a_request_without_a_valid_key_is_answered_with_the_scheme_to_use(requests: Requests) -> None:
    answer = await requests.ask("GET", LETTERS, "stranger")

    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_letter_is_found_by_its_whole_id_alone(requests: Requests) -> None:
    (letter_id,) = requests.index(lettered(1))

    found = await requests.state.letter(letter_id)

    assert found.letter.id == letter_id
    with pytest.raises(ProblemError, match="send the whole id"):
        await requests.state.letter(letter_id[:8])


async def test_a_job_pauses_when_the_server_stops(requests: Requests) -> None:
    job = await requests.start_job()
    running = await requests.ask("GET", job, "watcher")

    await requests.state.close()

    paused = await requests.ask("GET", job, "watcher")
    assert (running.json["status"], paused.json["status"]) == ("running", "paused")
