"""Agents, which settle their batches and let records of a paused step wait or put them into a backlog."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from aiokafka.errors import KafkaError
from faust.types import TP

from streams.engine.faust.backlog import Backlog, BacklogReader, ranges_of
from streams.engine.faust.batch import AgentBatch, AgentObserver, Batch
from streams.engine.handover import BatchHandler
from streams.engine.pauses import Pauses, StoppingError
from streams.failpoints import reach
from streams.kafka.producer import PublishError
from streams.store.engine import StoreError
from topics.decode import Record

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0
BACKLOG_RECORDS = 1000
CLOSE_WITHIN_S = 1.0


async def settle_batch(
    name: str,
    settle: Callable[[AgentBatch], Awaitable[None]],
    batch: Batch,
    should_stop: asyncio.Event,
    observer: AgentObserver,
) -> None:
    """Settle a batch, however long the store or the broker are away; leave it when it is revoked or we stop.

    Never raise, because Faust would restart the agent behind the batch.
    """
    wait = FIRST_WAIT_S
    while not should_stop.is_set() and batch.begin(name):
        is_settled = False
        is_defect = False
        try:
            reach("settle.before")
            work = settle(AgentBatch(batch, list(batch.records), observer))
            observer.begin(work)
            await work
            reach("settle.after")
            is_settled = True
        except StoppingError:
            pass
        except (StoreError, PublishError) as error:
            log.error("%s waits and tries again: %s", name, error)  # noqa: TRY400 - the trace says nothing more
        except Exception:
            # Our defect: an action's would be a letter. Skipping would lose records, so log the error and wait.
            is_defect = True
            log.exception("%s cannot settle a batch; nothing is acknowledged", name)
        finally:
            observer.end(is_step=not is_defect)
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
    """The only agent of its topic: while its step is paused, the topic waits."""

    name: str
    handler: BatchHandler
    pauses: Pauses
    should_stop: asyncio.Event
    observer: AgentObserver

    async def consume(self, stream: Any) -> None:  # noqa: ANN401 - Faust's stream
        """Settle batch after batch."""
        # noack: an acknowledgement by Faust has no effect here, and would cost memory.
        async for batch in stream.noack():
            await self.settle(batch, self.settle_or_wait)

    async def settle(self, batch: Batch, how: Callable[[AgentBatch], Awaitable[None]]) -> None:
        """Settle a batch with `how`, for as long as it takes; see `settle_batch`."""
        await settle_batch(self.name, how, batch, self.should_stop, self.observer)

    async def settle_or_wait(self, batch: AgentBatch) -> None:
        """Settle a batch. Records of a paused step wait until it continues."""
        while unfinished := await self.handler(batch):
            await self.pauses.wait(unfinished.paused_step, batch)
            batch = replace(batch, records=unfinished.of(batch.records))


@dataclass(frozen=True, slots=True)
class SharingAgent(Agent):
    """One of several agents of a topic: while its step is paused, its records go into its backlog."""

    reader: BacklogReader
    reopen: Callable[[Mapping[TP, list[Record]]], Batch]
    """Builds a batch from records that were read again."""
    backlog: Backlog = field(default_factory=Backlog)

    async def consume(self, stream: Any) -> None:  # noqa: ANN401 - Faust's stream
        """Settle batch after batch, and the backlog beside them."""
        catching_up = asyncio.create_task(self.catch_up())
        try:
            async for batch in stream.noack():
                await self.settle(batch, self.settle_or_put_aside)
        finally:
            catching_up.cancel()
            await asyncio.gather(catching_up, return_exceptions=True)
            with suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(CLOSE_WITHIN_S):
                    await self.reader.aclose()

    async def settle_or_put_aside(self, batch: AgentBatch) -> None:
        """Settle a batch. Records that may not start go into the backlog.

        While the backlog holds anything, new records go behind it, so that a contact's events keep their order.
        """
        if self.backlog.is_empty:
            unfinished = await self.handler(batch)
            if not unfinished:
                return
            ranges = ranges_of(batch.batch, unfinished.positions)
        else:
            ranges = ranges_of(batch.batch)
        if batch.is_revoked:
            raise StoppingError  # the partition's next owner reads it again
        self.backlog.put(ranges)

    async def catch_up(self) -> None:
        """Settle the backlog, whenever it holds anything."""
        wait = FIRST_WAIT_S
        while not self.should_stop.is_set():
            await self.backlog.wait_filled()
            try:
                await self.settle_some()
                wait = FIRST_WAIT_S
            except KafkaError as error:
                log.error("%s cannot read its backlog again: %s", self.name, type(error).__name__)  # noqa: TRY400
                await _rest(self.should_stop, wait)
                wait = min(wait * 2, LONGEST_WAIT_S)
            except Exception:
                log.exception("%s cannot catch up; it tries again", self.name)
                await _rest(self.should_stop, LONGEST_WAIT_S)

    async def settle_some(self) -> None:
        """Read the first records of the backlog again and settle them. Raise a Kafka error."""
        assignment = self.backlog.assignment
        fetched = await self.reader.fetch(self.backlog.ranges, BACKLOG_RECORDS)
        if assignment != self.backlog.assignment:
            return  # partitions were revoked meanwhile
        batch = self.reopen({TP(*place): list(records) for place, records in fetched.records.items()})
        self.backlog.begin(batch)
        try:
            await self.settle(batch, self.settle_or_wait)
        finally:
            self.backlog.end(batch, fetched.reached, assignment)
