"""Assembles the HTTP application from its routers, its body limit and its answers to errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from streams.engine.failures import app_version
from streams.interfaces.http import commands, jobs, letters, metrics
from streams.interfaces.http.app_state import AppState
from streams.interfaces.http.problems import add_to, problem

MAX_BYTES = 64 * 1024 * 1024
"""Largest body of a request; a plan of 100,000 letters has about half of it."""
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def create_app(app_state: AppState) -> FastAPI:
    """Return the application over this state."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        await app_state.close()

    # The documentation pages come with the package: they need no network, and no third party sees their readers.
    app: FastAPI = FastAPIOffline(title="leads: dead letters", version=app_version(), lifespan=life)
    app.state.app_state = app_state
    app.include_router(letters.router)
    app.include_router(commands.router)
    app.include_router(jobs.router)
    app.include_router(metrics.router)
    app.add_middleware(Limit)
    add_to(app)
    return app


class Limit:
    """Refuses bodies that are larger than any request of ours."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - an ASGI application
        """Take the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413 when the announced length is too large; otherwise pass the request on and count its bytes."""
        lengths = [value for name, value in scope.get("headers", ()) if name == b"content-length"]
        if any(not value.isdigit() or int(value) > MAX_BYTES for value in lengths):
            refused = problem(413, f"a request has at most {MAX_BYTES:,} bytes")
            await refused(scope, receive, send)
            return
        left = MAX_BYTES

        async def counted() -> MutableMapping[str, Any]:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                return {"type": "http.disconnect"}  # a chunked body that exceeds the limit
            return message

        await self._app(scope, counted, send)
