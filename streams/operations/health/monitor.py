"""Runs progress, checks, watchdog and server of one worker from its start to its stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from streams.engine.faust.snapshot import ConsumerSnapshot
from streams.kafka.producer import Outgoing, Publisher, PublishError
from streams.operations.health.address import HealthAddress
from streams.operations.health.checks import HealthCheck
from streams.operations.health.progress import BROKER, STORE, Dependency, WorkerProgress
from streams.operations.health.server import HealthServer
from streams.operations.health.watchdog import Watchdog

if TYPE_CHECKING:
    from streams.engine.faust.app import SafeApp
    from streams.engine.installation import Installation

log = logging.getLogger(__name__)

BEAT_EVERY_S = 0.5
USUAL_LIMIT_S = 60.0


class InstrumentedPublisher:
    """A `Publisher` that notes whether the broker accepts the records."""

    def __init__(self, inner: Publisher, broker: Dependency) -> None:
        """Publish through `inner`."""
        self._inner = inner
        self._broker = broker

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """See `Publisher.publish`."""
        try:
            await self._inner.publish(records)
        except PublishError as error:
            self._broker.failed(str(error))
            raise
        self._broker.answered()


class Health:
    """The health of one worker."""

    def __init__(
        self, *, address: HealthAddress | None, limit_s: float, silent_after_s: float, end: Callable[[], None]
    ) -> None:
        """`address` None opens no server. `limit_s` 0 turns the watchdog off; otherwise it calls `end`.

        `silent_after_s` is how long a reachable broker may send no answer: the session timeout.
        """
        patience_s = limit_s or USUAL_LIMIT_S
        # A broker must count as away before the wait for it looks like a hang.
        self.progress = WorkerProgress(silent_after_s=min(silent_after_s, patience_s / 2))
        self._check = HealthCheck(self.progress, limit_s=patience_s)
        self._address = address
        self._limit_s = limit_s
        self._end = end
        self._app: SafeApp | None = None

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Watch the worker while the block runs. Raise OSError when nothing can listen on the address."""
        beating = asyncio.create_task(self._beat())
        server = None if self._address is None else HealthServer(self._address, self._check)
        watchdog = None
        try:
            if server is not None and self._address is not None:
                await asyncio.to_thread(server.start)
                log.info(
                    "health is answered at %s/live and /ready", self._address._replace(port=server.port).url
                )
            if self._limit_s:
                loop = asyncio.get_running_loop()
                watchdog = Watchdog(self.progress, self._check, self._end, limit_s=self._limit_s, loop=loop)
                watchdog.start()
            yield
        finally:
            if watchdog is not None:
                await asyncio.to_thread(watchdog.stop)
            if server is not None:
                await asyncio.to_thread(server.stop)
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating

    def follow(self, app: SafeApp | None) -> None:
        """Watch this started engine from now on; None while there is none."""
        self._app = app

    def instrument(self, installation: Installation) -> Installation:
        """Return the installation with a store and a publisher whose answers are noted.

        The answers of other servers come from their circuit breakers (`WorkerProgress.dependency`).
        """
        installation.database.observer = self.progress.dependencies[STORE]
        publisher = InstrumentedPublisher(installation.publisher, self.progress.dependencies[BROKER])
        return replace(installation, publisher=publisher)

    async def _beat(self) -> None:
        while True:
            try:
                snapshot = self._snapshot()
            except Exception:
                # A snapshot that fails must not look like a blocked event loop.
                log.exception("the worker cannot take a snapshot of its consumer")
                snapshot = None
            self.progress.beat(snapshot)
            await asyncio.sleep(BEAT_EVERY_S)

    def _snapshot(self) -> ConsumerSnapshot | None:
        app = self._app
        if app is None:
            return None
        consumer: Any = app.consumer  # a BatchConsumer, which Faust's types do not know
        snapshot: ConsumerSnapshot = consumer.snapshot()
        return snapshot
