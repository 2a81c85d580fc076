"""The application as a whole: its pages, and the size of requests."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from streams.interfaces.http.app import MAX_BYTES, Limit
from tests.support.requests import LETTERS, Requests


async def test_every_request_is_documented_with_a_summary(requests: Requests) -> None:
    document = (await requests.ask("GET", "/openapi.json", None)).json

    assert {LETTERS, f"{LETTERS}/groups", "/v1/dead-letter-jobs", "/metrics"} <= set(document["paths"])
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert all(operation["summary"] for operation in operations)


async def test_the_pages_load_nothing_from_elsewhere(requests: Requests) -> None:
    page = await requests.ask("GET", "/docs", None)

    assert page.status == 200
    assert b"https://" not in page.body.replace(b"https://fastapi.tiangolo.com", b"")


async def test_a_body_that_is_larger_than_any_request_is_refused_before_it_is_read(
    requests: Requests,
) -> None:
    answer = await requests.ask(
        "POST", f"{LETTERS}/import?reason=x", body=b"", content_length=str(MAX_BYTES + 1)
    )

    assert (answer.status, answer.json["detail"]) == (413, f"a request has at most {MAX_BYTES:,} bytes")


async def test_an_unknown_path_is_a_problem(requests: Requests) -> None:
    answer = await requests.ask("GET", "/v1/nothing")

    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_a_chunked_body_without_end_is_cut_off_at_the_limit() -> None:
    chunk = b"x" * (MAX_BYTES // 4)
    received: list[str] = []

    async def app(_scope: object, receive: Any, _send: object) -> None:  # noqa: ANN401 - ASGI's
        while (message := await receive())["type"] == "http.request":
            received.append(message["type"])

    async def endless() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": chunk, "more_body": True}

    async def send(_: object) -> None:
        raise AssertionError("nothing is sent")

    await Limit(app)({"type": "http", "headers": []}, endless, send)

    assert len(received) == 4
