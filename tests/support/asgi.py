"""Sends requests to an ASGI application without a server or a socket."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI


@dataclass(frozen=True, slots=True)
class Answer:
    """The response to one request."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever it is
        return json.loads(self.body)


async def ask(
    app: FastAPI, method: str, target: str, key: str | None = None, body: object = None, **headers: str
) -> Answer:
    """Return the response to one request; `key` is the API key, `body` is bytes or is sent as JSON."""
    path, _, query = target.partition("?")
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    named |= {} if key is None else {"authorization": f"Bearer {key}"}
    named |= {} if isinstance(body, bytes) else {"content-type": "application/json"}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), text.encode()) for name, text in named.items()],
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's
        sent.append(message)

    await app(scope, receive, send)
    (start,) = (each for each in sent if each["type"] == "http.response.start")
    answered = {name.decode(): text.decode() for name, text in start["headers"]}
    return Answer(start["status"], answered, b"".join(each.get("body", b"") for each in sent))
