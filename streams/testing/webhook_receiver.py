"""A webhook receiver that records every request: for the demo, the tests and the benchmarks.

`python -m streams.testing.webhook_receiver --file hooks.jsonl` runs it as a process; `WebhookReceiver` runs it in a
thread.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson
from aiohttp import web
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from streams.operations.health.background import Background
from streams.testing.journal import Journal

_UNAUTHORIZED = 401
_BAD_REQUEST = 400
_NO_CONTENT = 204


@dataclass(frozen=True, slots=True)
class ReceivedWebhook:
    """One request as it arrived."""

    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(slots=True)
class WebhookBehaviour:
    """How the receiver answers; may be changed at any time."""

    status: int | None = None
    """Answer to every request, e.g. 503; None answers 204, or 401 where the signature is wrong."""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds before each answer."""
    is_hanging_up: bool = False
    """Whether the receiver breaks the connection instead of answering; the request is recorded all the same."""


class WebhookReceiver(Background):
    """A webhook receiver on 127.0.0.1 that records what it accepts; `with` or `async with` starts and stops it."""

    def __init__(
        self,
        file: Path | None = None,
        *,
        port: int = 0,
        secret: str | None = None,
        is_durable: bool = True,
        is_keeping: bool = False,
    ) -> None:
        """`file` gets each request as a JSON line before the answer; `is_keeping` also collects them in `webhooks`."""
        super().__init__(port)
        self.behaviour = WebhookBehaviour()
        self.webhooks: list[ReceivedWebhook] = []
        self._webhook = None if secret is None else Webhook(secret)
        self._path = file
        self._is_durable = is_durable
        self._is_keeping = is_keeping
        self._journal = Journal(None)
        self._server: web.Server | None = None
        self._runner: web.ServerRunner | None = None
        self._site: web.SockSite | None = None

    @property
    def url(self) -> str:
        """Where to post; known once the receiver has started."""
        return f"http://127.0.0.1:{self.port}/"

    async def opened(self, listener: socket.socket) -> None:
        self._journal = Journal(self._path, is_durable=self._is_durable)
        self._server = web.Server(self._answer, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(self._server)
        await self._runner.setup()
        self._site = web.SockSite(self._runner, listener)
        await self._site.start()

    async def closed(self) -> None:
        assert self._site is not None and self._server is not None and self._runner is not None  # noqa: PT018, S101 - opened() came before
        await self._site.stop()
        for connection in self._server.connections:
            if connection.transport is not None:
                connection.transport.abort()  # cleanup() alone would wait for slow answers
        await self._runner.cleanup()
        await self._journal.aclose()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        behaviour = self.behaviour
        if behaviour.delay:
            await asyncio.sleep(behaviour.delay)
        if behaviour.status is not None and not 200 <= behaviour.status < 300:  # noqa: PLR2004 - HTTP's own
            return web.Response(status=behaviour.status, headers=behaviour.headers)
        headers = {name.lower(): value for name, value in request.headers.items()}
        if self._webhook is not None:
            try:
                self._webhook.verify(body, headers, json_parse=False)
            except (WebhookVerificationError, ValueError):
                return web.Response(status=_UNAUTHORIZED)
        try:
            data = orjson.loads(body)["data"]
            lead_id = data["lead_id"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return web.Response(status=_BAD_REQUEST)
        await self._journal.write(
            {
                "time": datetime.now(UTC).isoformat(),
                "webhook_id": headers.get("webhook-id"),
                "lead_id": lead_id,
                "size": len(body),
                "is_verified": self._webhook is not None,
            }
        )
        if self._is_keeping:
            self.webhooks.append(ReceivedWebhook(headers, body))
        if behaviour.is_hanging_up and request.transport is not None:
            request.transport.abort()
        return web.Response(status=behaviour.status or _NO_CONTENT, headers=behaviour.headers)


def main() -> None:
    """Run the receiver as a process."""
    parser = argparse.ArgumentParser(
        prog="python -m streams.testing.webhook_receiver", description=WebhookReceiver.__doc__
    )
    parser.add_argument(
        "--port", type=int, default=0, help="0 takes a free one; the port is printed as JSON on stdout"
    )
    parser.add_argument("--file", type=Path, help="gets one JSON line per accepted request")
    parser.add_argument(
        "--fail", type=int, metavar="STATUS", help="answer everything with this status, e.g. 503"
    )
    parser.add_argument(
        "--retry-after", metavar="VALUE", help="Retry-After of every answer: seconds or a date"
    )
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="before each answer")
    parser.add_argument(
        "--no-fsync", action="store_true", help="for benchmarks: a power cut may lose requests"
    )
    given = parser.parse_args()
    # Not an option: other people of the machine can read a process's arguments.
    secret = os.environ.get("LEADS_NOTIFY_SECRET") or None
    receiver = WebhookReceiver(given.file, port=given.port, secret=secret, is_durable=not given.no_fsync)
    receiver.behaviour.status = given.fail
    receiver.behaviour.delay = given.delay
    if given.retry_after is not None:
        receiver.behaviour.headers["retry-after"] = given.retry_after
    receiver.run()


if __name__ == "__main__":
    main()
