"""This file settles the batches that an agent is handed, and catches up with what it had to put on its shelf."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import KafkaError
from faust.types import TP

from streams.engine.faust.backlog import Backlog, ranges_of
from streams.engine.faust.backlog_reader import Rereader
from streams.engine.faust.batch import Batch
from streams.engine.pauses import PausedError, StoppingError
from streams.failpoints import reach
from streams.kafka.producer import PublishError
from streams.store.engine import StoreError
from topics.decode import Record

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0
REREAD_RECORDS = 1000
CLOSE_WITHIN_S = 1.0

BatchHandler = Callable[[Iterable[Record], Callable[[], bool]], Awaitable[None]]
"""Settles records, given a way to ask whether they were taken away meanwhile."""


async def settle_batch(name: str, settle: BatchHandler, batch: Batch, should_stop: asyncio.Event) -> None:
    """Settle a batch, however long the store or the broker are away; leave it when it is taken away or we stop.

    Never raises out of the agent: Faust would restart the agent behind the batch.
    """
    wait = FIRST_WAIT_S
    while not should_stop.is_set() and batch.begin(name):
        is_settled = False
        try:
            reach("settle.before")
            await settle(batch.records, lambda: batch.is_revoked)
            reach("settle.after")
            is_settled = True
        except StoppingError:
            pass
        except (StoreError, PublishError) as error:
            log.error("%s waits and tries again: %s", name, error)  # noqa: TRY400 - the trace says nothing more
        except Exception:
            # Ours, not an action's: those become letters. Skipping would lose records, so it is loud and waits.
            log.exception("%s cannot settle a batch; nothing is acknowledged", name)
        finally:
            batch.end(name, is_settled=is_settled)
        if is_settled:
            return
        await _rest(should_stop, wait)
        wait = min(wait * 2, LONGEST_WAIT_S)


async def _rest(should_stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await should_stop.wait()


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent that has its topic to itself, or never pauses."""

    name: str
    settle: BatchHandler
    should_stop: asyncio.Event

    async def consume(self, stream: Any) -> None:  # noqa: ANN401 - Faust's stream
        """Settle batch after batch."""
        # noack: an acknowledgement by Faust says nothing here, and would cost memory.
        async for batch in stream.noack():
            await settle_batch(self.name, self.settle, batch, self.should_stop)


@dataclass(frozen=True, slots=True)
class SharingAgent:
    """An agent whose topic others read, too: while its step pauses, what it is handed goes on its shelf."""

    name: str
    patient: BatchHandler
    """Waits while the step pauses."""
    eager: BatchHandler
    """Raises `PausedError` while the step pauses."""
    should_stop: asyncio.Event
    rereader: Rereader
    reopen: Callable[[Mapping[TP, list[Record]]], Batch]
    """Makes a batch of records that were read again."""
    backlog: Backlog = field(default_factory=Backlog)

    async def consume(self, stream: Any) -> None:  # noqa: ANN401 - Faust's stream
        """Settle batch after batch, and what is on the shelf beside it."""
        catching_up = asyncio.create_task(self.catch_up())
        try:
            async for batch in stream.noack():
                await self.handle(batch)
        finally:
            catching_up.cancel()
            await asyncio.gather(catching_up, return_exceptions=True)
            with suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(CLOSE_WITHIN_S):
                    await self.rereader.aclose()

    async def handle(self, batch: Batch) -> None:
        """Settle a batch, or put it on the shelf: behind what is there, so that a contact's events keep their order."""

        async def settle(records: Iterable[Record], is_revoked: Callable[[], bool]) -> None:
            left: dict[TP, int] | None = None
            if self.backlog.is_empty:
                try:
                    await self.eager(records, is_revoked)
                except PausedError as paused:
                    left = _first_offsets(paused)
                else:
                    return
            if is_revoked():
                raise StoppingError  # it will be read again by whoever gets it
            self.backlog.put(ranges_of(batch, left))

        await settle_batch(self.name, settle, batch, self.should_stop)

    async def catch_up(self) -> None:
        """Settle what is on the shelf, whenever something is."""
        wait = FIRST_WAIT_S
        while not self.should_stop.is_set():
            await self.backlog.wait_filled()
            try:
                await self.take_some()
                wait = FIRST_WAIT_S
            except KafkaError as error:
                log.error("%s cannot read again what it put aside: %s", self.name, type(error).__name__)  # noqa: TRY400
                await _rest(self.should_stop, wait)
                wait = min(wait * 2, LONGEST_WAIT_S)
            except Exception:
                log.exception("%s cannot catch up; it tries again", self.name)
                await _rest(self.should_stop, LONGEST_WAIT_S)

    async def take_some(self) -> None:
        """Read some of what is on the shelf again and settle it. Raises a Kafka error."""
        assignment = self.backlog.assignment
        found = await self.rereader.read(self.backlog.ranges, REREAD_RECORDS)
        if assignment != self.backlog.assignment:
            return  # partitions were taken away meanwhile
        batch = self.reopen(found.parts)
        self.backlog.take(batch)
        try:
            await settle_batch(self.name, self.patient, batch, self.should_stop)
        finally:
            self.backlog.end(batch, found.reached, assignment)


def _first_offsets(paused: PausedError) -> dict[TP, int]:
    first: dict[TP, int] = {}
    for position in paused.left:
        tp = TP(position.topic, position.partition)
        first[tp] = min(position.offset, first.get(tp, position.offset))
    return first
