"""Answers `/live` and `/ready` over HTTP in its own thread, because it must answer when the worker cannot."""

from __future__ import annotations

import socket
from typing import Any

import orjson
from aiohttp import web

from streams.operations.health.address import HealthAddress
from streams.operations.health.background import Background
from streams.operations.health.checks import HealthCheck

_OK, _NOT_FOUND, _NOT_ALLOWED, _UNAVAILABLE = 200, 404, 405, 503


class HealthServer(Background):
    """Answers with the verdict of the check: 200 for yes, 503 for no, and the reasons as JSON."""

    def __init__(self, address: HealthAddress, check: HealthCheck) -> None:
        """Nothing is opened yet."""
        super().__init__(address.port, address.host)
        self._check = check
        self._runner: web.ServerRunner | None = None

    async def opened(self, listener: socket.socket) -> None:
        server = web.Server(self._answer, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()

    async def closed(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.path not in ("/live", "/ready"):
            return _json(_NOT_FOUND, {"error": "ask for /live or /ready"})
        if request.method not in ("GET", "HEAD"):
            return _json(_NOT_ALLOWED, {"error": "ask with GET"})
        verdict = self._check.look()
        if request.path == "/live":
            return _json(
                _UNAVAILABLE if verdict.stuck else _OK,
                {"live": not verdict.stuck, "because": list(verdict.stuck)},
            )
        return _json(_UNAVAILABLE if verdict.unready else _OK, verdict.document)


def _json(status: int, document: dict[str, Any]) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps(document),
        content_type="application/json",
        headers={"cache-control": "no-store"},
    )
