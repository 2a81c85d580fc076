"""Errors are problem details with plain titles."""

from __future__ import annotations

import pytest

from streams.interfaces.http.problems import EXPECTED, PHRASES
from tests.support.requests import LETTERS, Requests


@pytest.mark.parametrize(
    ("method", "target", "user", "body", "status"),
    [
        ("GET", LETTERS, None, None, 401),
        ("GET", LETTERS, "stranger", None, 401),
        ("POST", f"{LETTERS}/commands/discard", "watcher", {"reason": "why", "ids": ["x"]}, 403),
        ("GET", f"{LETTERS}/{'0' * 36}", "watcher", None, 404),
        ("GET", "/v1/dead-letter-jobs/none", "watcher", None, 404),
        ("GET", f"{LETTERS}?colour=red", "watcher", None, 422),
        ("POST", f"{LETTERS}/commands/discard", "ann", {"reason": "why"}, 422),
        ("POST", f"{LETTERS}/commands/schedule", "ann", {"reason": "why", "ids": ["x"]}, 422),
        ("POST", f"{LETTERS}/commands/repair", "ann", {"reason": "why", "ids": ["x"]}, 422),
    ],
)
async def test_the_title_of_a_problem_is_the_phrase_of_its_status(
    requests: Requests, method: str, target: str, user: str | None, body: object, status: int
) -> None:
    answer = await requests.ask(method, target, user, body)

    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status, answer.json["status"], answer.json["title"]) == (
        status,
        status,
        PHRASES[status],
    )


def test_no_title_asks_or_jokes(requests: Requests) -> None:
    titles = [*PHRASES.values(), *(title for _, title in EXPECTED.values())]

    assert [title for title in titles if title.endswith(("?", "!"))] == []
