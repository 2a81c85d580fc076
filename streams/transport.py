"""This file is the safe transport: whole batches in, and offsets committed only up to the lowest unsettled batch.

It replaces what faust-streaming 0.15.3 does between the consumer and its agents. Per-message acknowledgement loses
records there: an agent that raises acknowledges (stream `finally:`), a gap of one record is committed past
(`Consumer._new_offset`), a rebalance forgets what was acknowledged and not committed. Here one Faust message carries all
records of a topic from one poll, nothing is acknowledged by Faust, and `Batch.end(..., is_settled=True)` is the only
way an offset becomes committable. It also costs a twentieth: Faust's four asyncio tasks a message are paid per batch.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any

from aiokafka.errors import KafkaError
from faust import Schema
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from topics.decode import Record

log = logging.getLogger(__name__)

SCHEME = "leads"
"""URL scheme under which `register` makes the transport known to Faust."""

BATCHES_PER_TOPIC = 2
"""One at work and one waiting: more would only be redelivered after a crash."""
BUSY_POLL_S = 0.02
IDLE_POLL_S = 1.0
REVOKE_WAIT_S = 8.0
STOP_WAIT_S = 7.0


class Batch:
    """The records of one topic from one poll, in offset order per partition, and who still has to settle them."""

    __slots__ = ("_changed", "_left", "_running", "is_revoked", "parts")

    def __init__(
        self, parts: Mapping[TP, list[Record]], agents: Iterable[str], changed: Callable[[], None]
    ) -> None:
        """`agents` must each settle the batch; `changed` is called whenever one ends."""
        self.parts = parts
        self.is_revoked = False
        self._left = set(agents)
        self._running: set[str] = set()
        self._changed = changed

    def __len__(self) -> int:
        """Number of records."""
        return sum(map(len, self.parts.values()))

    @property
    def records(self) -> Iterator[Record]:
        """The records, in offset order per partition."""
        for records in self.parts.values():
            yield from records

    @property
    def is_settled(self) -> bool:
        """Whether every agent settled it: only then its offsets may be committed."""
        return not self._left

    @property
    def is_running(self) -> bool:
        """Whether an agent is at work on it."""
        return bool(self._running)

    def begin(self, agent: str) -> bool:
        """Start to work on it; False when its partitions were taken away meanwhile."""
        if self.is_revoked:
            return False
        self._running.add(agent)
        return True

    def end(self, agent: str, *, is_settled: bool) -> None:
        """Say how the agent's work ended."""
        self._running.discard(agent)
        if is_settled:
            self._left.discard(agent)
        self._changed()


class BatchSchema(Schema):  # type: ignore[misc]  # faust is not typed
    """Hands the batch through: decoding is part of the unit of work, where an error becomes a dead letter."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:  # noqa: ANN401
        """There is no one key."""

    def loads_value(self, app: Any, message: Any, **_: Any) -> Batch:  # noqa: ANN401
        """The batch itself."""
        return message.value  # type: ignore[no-any-return]


class _ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        # Faust crashes the app when a commit fails. It is no reason to: while the broker is away, or after a rebalance,
        # the offsets stay uncommitted, the records come again, and the ledger makes that harmless.
        consumer = self._ensure_consumer()
        mine = {tp: offset for tp, offset in offsets.items() if tp in self.assignment()}
        if not mine:
            return False
        try:
            await consumer.commit({driver.ensure_aiokafka_TP(tp): offset for tp, offset in mine.items()})
        except KafkaError as error:
            log.warning("offsets not committed now, their records may come again: %s", type(error).__name__)
            return False
        return True


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """Gives agents whole batches and keeps the commit order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Start with nothing in flight."""
        super().__init__(*args, **kwargs)
        self._in_flight: dict[TP, deque[tuple[int, Batch]]] = defaultdict(deque)
        self._committable: dict[TP, int] = {}
        self._open: dict[str, list[Batch]] = defaultdict(list)
        self._progress = asyncio.Event()

    def _new_consumer_thread(self) -> Any:  # noqa: ANN401
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ARG002, ASYNC109 - Faust's name
        """Yield one message per topic and poll, whose value is the batch."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        records = await self._poll()
        generation = self.app.consumer_generation_id
        if self.should_stop or not records:
            return
        if not self.flow_active:
            # What was fetched belongs to an assignment that is being taken away.
            await self.perform_seek()
            return
        by_topic: dict[str, dict[TP, list[Record]]] = defaultdict(dict)
        for partition, fetched in records.items():
            if fetched:
                by_topic[partition.topic][TP(partition.topic, partition.partition)] = fetched
        for topic, parts in by_topic.items():
            if not self.flow_active or self.app.consumer_generation_id != generation:
                return
            yield self._batch_message(topic, parts)

    async def _poll(self) -> Mapping[Any, list[Any]]:
        active = self._get_active_partitions()
        ready = {tp for tp in active if len(self._open[tp.topic]) < BATCHES_PER_TOPIC}
        if not ready:
            self._progress.clear()
            # Also woken now and then, because an assignment can change without any batch ending.
            await self.wait_first(self._progress.wait(), timeout=IDLE_POLL_S if not active else BUSY_POLL_S * 5)
            return {}
        # While a topic is held back, the others are polled briefly: it must be asked again as soon as it has room.
        wait = IDLE_POLL_S if len(ready) == len(active) else BUSY_POLL_S
        return await self._getmany(active_partitions=ready, timeout=wait)  # type: ignore[no-any-return]

    def _batch_message(self, topic: str, parts: Mapping[TP, list[Record]]) -> tuple[TP, Any]:
        batch = Batch(parts, self.transport.agents_of(topic), lambda: self._changed(topic))
        self._open[topic].append(batch)
        for tp, records in parts.items():
            self._in_flight[tp].append((records[-1].offset + 1, batch))
            self._read_offset[tp] = records[-1].offset
        tp, records = next(iter(parts.items()))
        message = self._to_message(tp, records[0])
        message.value, message.offset = batch, records[-1].offset
        return tp, message

    def _changed(self, topic: str) -> None:
        self._open[topic] = [batch for batch in self._open[topic] if not batch.is_settled and not batch.is_revoked]
        self._progress.set()

    # What Faust knows of acknowledgement is switched off: a batch says itself when it is settled.

    def track_message(self, message: Any) -> None:  # noqa: ANN401
        """Nothing is tracked per message."""

    def ack(self, message: Any) -> bool:  # noqa: ANN401, ARG002
        """Faust acknowledges nothing."""
        return False

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Ignore gaps: the batch's end counts, whatever the log left out."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Leave out Faust's watchdog: it knows messages, and takes a batch that is retried for a stuck stream."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> list[TP]:  # noqa: ANN401
        return [tp for tp in self._in_flight if topics is None or tp in topics or tp.topic in topics]

    def _new_offset(self, tp: TP) -> int | None:
        queue = self._in_flight[tp]
        while queue and queue[0][1].is_settled:
            self._committable[tp] = queue.popleft()[0]
        return self._committable.get(tp)

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:  # noqa: FBT001, FBT002, ARG002
        # Faust's own notes offsets as committed even when the broker refused them, and would not offer them again.
        mine = {tp: offset for tp, offset in offsets.items() if tp in self.assignment()}
        is_done = bool(mine) and await self._commit(mine)
        if is_done:
            self._committed_offset.update(mine)
        return is_done

    async def perform_seek(self) -> None:
        """Go back to what is committed: what is in flight will be read again."""
        self._forget(list(self._in_flight))
        await super().perform_seek()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let what is at work end, commit it, and only then give the partitions away (faust #502)."""
        await self._quiesce(REVOKE_WAIT_S)
        await super().on_partitions_revoked(revoked)
        self._forget(revoked)

    async def wait_empty(self) -> None:
        """Wait a bounded time for what is at work, then commit; Faust's own waits for ever for one lost record."""
        await self._quiesce(STOP_WAIT_S)

    async def _quiesce(self, seconds: float) -> None:
        for batches in self._open.values():
            for batch in batches:
                if not batch.is_running:
                    batch.is_revoked = True
        try:
            async with asyncio.timeout(seconds):
                while any(batch.is_running for batches in self._open.values() for batch in batches):
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            log.warning("batches still at work after %.0f s are left to the next owner of their partitions", seconds)
        try:
            async with asyncio.timeout(seconds):
                await self.commit(start_new_transaction=False)
        except Exception as error:  # noqa: BLE001 - the ledger makes the redelivery harmless
            log.warning("offsets not committed before the partitions were given away: %s", type(error).__name__)

    def _forget(self, tps: Iterable[TP]) -> None:
        for tp in list(tps):
            for _, batch in self._in_flight.pop(tp, ()):
                batch.is_revoked = True
            self._committable.pop(tp, None)
        for topic in list(self._open):
            self._changed(topic)


class BatchTransport(driver.Transport):  # type: ignore[misc]
    """aiokafka transport with the batch consumer."""

    Consumer = BatchConsumer

    def agents_of(self, topic: str) -> tuple[str, ...]:
        """Names of the agents that must settle a batch of this topic."""
        return self.app.agents_by_topic[topic]  # type: ignore[no-any-return]


def register() -> None:
    """Make the transport known to Faust under `SCHEME`."""
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:{BatchTransport.__name__}"
