"""A worker: the app and its timers, from start to an orderly stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from uuid import uuid4

from aiokafka.errors import KafkaError

from actions.normalise.country import normalise_country
from streams.dead_letters.retries import RetryTimer
from streams.engine.assembly import Parts, assemble
from streams.engine.faust.app import AppSettings, SafeApp, agents_of, create_app
from streams.engine.installation import Installation
from streams.errors import SettingsError
from streams.kafka.address import KafkaAddress
from streams.kafka.producer import PublishError
from streams.operations.health.monitor import Health
from streams.operations.health.watchdog import end_stuck
from streams.operations.pause_sync import PauseKeeper
from streams.operations.pruning import Pruner
from streams.settings import Settings
from streams.store.engine import StoreError

log = logging.getLogger(__name__)

RETRY_EVERY_S = 1.0
PAUSE_EVERY_S = 1.0
PRUNE_EVERY_S = 300.0
ENGINE_STOP_S = 9.0
RESTART_WAIT_S = 2.0


def _tune_interpreter() -> None:
    """Collect garbage cycles less often, and let a running thread keep the GIL for longer.

    A batch creates hundreds of thousands of objects and hardly any cycle. With Python's defaults the collector took
    30 % of a worker's CPU (1,470 to 1,050 µs per lead). The event loop and the store's thread compete for the GIL:
    switching every 20 ms instead of every 5 gained another 5 to 10 % in leads per second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    sys.setswitchinterval(0.02)


class Worker:
    """Runs the workflow in one worker process."""

    def __init__(
        self,
        installation: Installation,
        *,
        settings: Settings,
        address: KafkaAddress,
        ledger_retention: timedelta,
    ) -> None:
        """Take what to run, without starting it. The caller connects and closes the publisher and the database.

        Raise `PortError`.
        """
        installation.adapters.ports.check(installation.workflow)
        self._installation = installation
        self._settings = settings
        self._address = address
        self._ledger_retention = ledger_retention
        self._should_stop = asyncio.Event()
        self._health = Health(
            address=settings.health,
            limit_s=settings.watchdog.total_seconds(),
            silent_after_s=settings.session_timeout.total_seconds(),
            end=end_stuck,
        )
        self.ready = asyncio.Event()
        """Set when the worker has joined its group."""

    def stop(self) -> None:
        """Request an orderly stop: settle the running batches, commit, leave the group."""
        self._should_stop.set()

    async def run(self) -> None:
        """Work until `stop`. Raise `SettingsError` or a Kafka error when it cannot start."""
        _tune_interpreter()
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._health.kept())
            except OSError as error:
                msg = f"LEADS_HEALTH: nothing can listen there ({error.strerror}); give each worker a port of its own"
                raise SettingsError(msg) from None
            # Reading the country names of all languages takes half a second. Do it now, not in the middle of a batch.
            await asyncio.to_thread(normalise_country, "Deutschland")
            stack.push_async_callback(self._installation.adapters.aclose)
            installation = self._health.instrument(self._installation)
            parts = assemble(installation, self._health.progress.dependency)
            database, clock = installation.database, installation.clock
            retries = RetryTimer(installation, parts.pauses)
            keeper = PauseKeeper(database, parts.pauses, str(uuid4()), clock)
            await try_once(keeper.tick)  # a step that a person paused stays paused when a worker starts
            stack.push_async_callback(keeper.leave)
            pruner = Pruner(installation, self._ledger_retention)
            timers = [
                asyncio.create_task(repeat(retries.tick, RETRY_EVERY_S, self._should_stop)),
                asyncio.create_task(repeat(keeper.tick, PAUSE_EVERY_S, self._should_stop)),
                asyncio.create_task(repeat(pruner.tick, PRUNE_EVERY_S, self._should_stop)),
            ]
            while not self._should_stop.is_set():
                try:
                    await self._run_app(parts)
                except KafkaError as error:
                    if not self.ready.is_set():
                        raise  # it never ran: fail at once instead of retrying for ever
                    log.error("the engine cannot start again now: %s", type(error).__name__)  # noqa: TRY400
                if not self._should_stop.is_set():
                    log.error("the engine stopped by itself; it starts again in %.0f s", RESTART_WAIT_S)
                    await pause(RESTART_WAIT_S, self._should_stop)
            for timer in timers:
                timer.cancel()
            await asyncio.gather(*timers, return_exceptions=True)

    async def _run_app(self, parts: Parts) -> None:
        installation = self._installation
        folder = self._settings.data / "faust"
        folder.parent.mkdir(parents=True, exist_ok=True)  # Faust creates only the last folder of the path
        session_timeout_s = self._settings.session_timeout.total_seconds()
        app = create_app(
            AppSettings(self._address, installation.group, session_timeout_s, folder),
            agents_of(installation, parts),
            self._should_stop,
            parts.pauses,
            self._health.progress.part,
        )
        await app.start()
        self._health.follow(app)
        log.info("worker started: group %s, pid %d", installation.group, os.getpid())
        stopping = asyncio.create_task(self._should_stop.wait())
        crashed = asyncio.create_task(self._crashed(app))
        try:
            await asyncio.wait((stopping, crashed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            crashed.cancel()
            self._health.follow(None)
            if self._should_stop.is_set():
                parts.stop_calls_and_pauses()
            await self._stop_app(app)

    async def _stop_app(self, app: SafeApp) -> None:
        try:
            async with asyncio.timeout(ENGINE_STOP_S):
                await app.consumer.wait_empty()
                await app.stop()
        except Exception as error:  # noqa: BLE001 - uncommitted records are redelivered
            log.warning("the engine did not stop in order: %s", type(error).__name__)

    async def _crashed(self, app: SafeApp) -> None:
        while not app.should_stop:
            if app.consumer.assignment() and not app.rebalancing:
                self.ready.set()
            await asyncio.sleep(0.2)


async def repeat(tick: Callable[[], Awaitable[object]], every_s: float, should_stop: asyncio.Event) -> None:
    """Await `tick` every `every_s` seconds, whether or not it fails, until the worker should stop."""
    # No tick during a stop: the last batches need the store, and other workers do what becomes due now.
    while not should_stop.is_set():
        await try_once(tick)
        await pause(every_s, should_stop)


async def try_once(tick: Callable[[], Awaitable[object]]) -> None:
    """Await `tick`; log its exceptions."""
    try:
        await tick()
    except (StoreError, PublishError) as error:
        log.warning("a timer waits and tries again: %s", error)
    except Exception:
        log.exception("a timer failed and tries again")


async def pause(seconds: float, should_stop: asyncio.Event) -> None:
    """Wait this many seconds, or until the worker should stop."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await should_stop.wait()
