"""The safe transport: whole batches in, and offsets committed only up to the lowest unsettled batch.

It replaces what faust-streaming 0.15.3 does between the consumer and its agents, where per-message acknowledgement
loses records: an agent that raises acknowledges (stream `finally:`), a commit skips a gap of one record
(`Consumer._new_offset`), a rebalance forgets what was acknowledged and not committed. Here one Faust message carries
all records of a topic from one poll, and Faust acknowledges nothing. Only `Batch.end(..., is_settled=True)` makes an
offset committable, and never past the start of a backlog. It also costs a twentieth, because Faust's four asyncio
tasks run per batch instead of per message.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import Service

from streams.engine.faust.backlog import Backlog
from streams.engine.faust.batch import Batch
from streams.engine.faust.consumer_thread import ConsumerThread
from streams.engine.faust.snapshot import ConsumerSnapshot, TopicProgress
from topics.decode import Record

log = logging.getLogger(__name__)

SCHEME = "leads"
"""URL scheme under which `register` makes the transport known to Faust."""

BATCHES_PER_TOPIC = 2
"""One running and one waiting: more would only be redelivered after a crash."""
BUSY_POLL_S = 0.02
IDLE_POLL_S = 1.0
REVOKE_WAIT_S = 8.0
REVOKE_COMMIT_WAIT_S = 5.0
BATCHES_END_S = 6.0
LAST_COMMIT_WAIT_S = 1.0
SEEK_WAIT_S = 20.0


class BatchConsumer(driver.Consumer):
    """Passes whole batches to agents and keeps the commit order."""

    transport: BatchTransport
    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Start with nothing in flight."""
        super().__init__(*args, **kwargs)
        self._in_flight: dict[TP, deque[tuple[int, Batch]]] = defaultdict(deque)
        self._committable: dict[TP, int] = {}
        self._open: dict[str, list[Batch]] = defaultdict(list)
        self._progress = asyncio.Event()
        self._is_broker_away = False
        self._polls = 0

    def _new_consumer_thread(self) -> Any:  # noqa: ANN401
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ARG002, ASYNC109 - Faust's name
        """Yield one message per topic and poll, whose value is the batch."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
        records = await self._poll()
        generation = self.app.consumer_generation_id
        if not records or self.should_stop:
            return
        if not self.flow_active:
            # The fetched records belong to an assignment that is being revoked, and would be skipped without a seek. A
            # seek that fails crashes the engine, which then starts again.
            await self.perform_seek()
            return
        by_topic: dict[str, dict[TP, list[Record]]] = defaultdict(dict)
        for partition, fetched in records.items():
            if fetched:
                by_topic[partition.topic][TP(partition.topic, partition.partition)] = fetched
        for topic, parts in by_topic.items():
            if not self._is_current(generation):
                return  # a rebalance began while the previous batch was passed on
            yield self._batch_message(topic, parts)

    def _is_current(self, generation: int) -> bool:
        return self.flow_active and self.app.consumer_generation_id == generation

    async def _poll(self) -> Mapping[Any, list[Any]]:
        self._polls += 1
        active = self._get_active_partitions()
        ready = {tp for tp in active if len(self._open[tp.topic]) < BATCHES_PER_TOPIC}
        if not ready:
            self._progress.clear()
            # The wait has a timeout, because an assignment can change without any batch ending.
            await self.wait_first(
                self._progress.wait(), timeout=IDLE_POLL_S if not active else BUSY_POLL_S * 5
            )
            return {}
        # While a topic is held back, poll the others only briefly, to fetch it again as soon as it has room.
        wait = IDLE_POLL_S if len(ready) == len(active) else BUSY_POLL_S
        return await self._getmany(active_partitions=ready, timeout=wait)

    def _batch_message(self, topic: str, parts: Mapping[TP, list[Record]]) -> tuple[TP, Any]:
        batch = Batch(parts, self.transport.agents_of(topic), lambda: self._changed(topic))
        self._open[topic].append(batch)
        for tp, records in parts.items():
            self._in_flight[tp].append((records[-1].offset + 1, batch))
            self._read_offset[tp] = records[-1].offset
        tp, records = next(iter(parts.items()))
        message = self._to_message(tp, records[0])
        message.value = batch  # type: ignore[assignment]  # no bytes: the schema knows
        message.offset = records[-1].offset
        return tp, message

    def _changed(self, topic: str) -> None:
        self._open[topic] = [
            batch for batch in self._open[topic] if not batch.is_settled and not batch.is_revoked
        ]
        self._progress.set()

    # Faust's acknowledgement is switched off: a batch knows when it is settled.

    def track_message(self, message: Any) -> None:  # noqa: ANN401
        """Do nothing: no message is tracked."""

    def ack(self, message: Any) -> bool:  # noqa: ANN401, ARG002
        """Return False: Faust acknowledges nothing."""
        return False

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Ignore gaps in the log: only the batch's end counts."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Disable Faust's watchdog, which takes a batch that is being retried for a stuck stream."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:  # noqa: ANN401
        return (tp for tp in list(self._in_flight) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        queue = self._in_flight[tp]
        while queue and queue[0][1].is_settled:
            self._committable[tp] = queue.popleft()[0]
        done = self._committable.get(tp)
        # Offsets in an agent's backlog are not done.
        begins = [backlog.first_offset(tp) for backlog in self.transport.backlogs.get(tp.topic, ())]
        return min([done, *(begin for begin in begins if begin is not None)]) if done is not None else None

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:  # noqa: FBT001, FBT002, ARG002
        # Faust's method notes offsets as committed even when the broker refused them, and never commits them again.
        assigned = {tp: offset for tp, offset in offsets.items() if tp in self.assignment()}
        is_done = bool(assigned) and await self._commit(assigned)
        if is_done:
            self._committed_offset.update(assigned)
        return is_done

    async def maybe_wait_for_commit_to_finish(self) -> bool:
        """Wait for a commit under way, and return whether there was one."""
        # Faust's method passes a waiter's cancellation on to that commit, and then starts another one: with the broker
        # away, a stop never ended.
        if self._commit_fut is None:
            return False
        await asyncio.wait({self._commit_fut})
        return True

    async def perform_seek(self) -> None:
        """Seek to the committed offsets, so that records in flight are read again. Raise TimeoutError."""
        self._forget({*self._in_flight, *self._in_backlogs})
        # When this takes longer than Faust's limit (broker_request_timeout), Faust's recovery ends silently, and with
        # it all consumption. An error ends it loudly: the engine crashes and starts again.
        async with asyncio.timeout(SEEK_WAIT_S):
            await super().perform_seek()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Stop fetching until the seek is done; Faust then resumes the flow."""
        # A member without partitions did not stop its flow, so it would poll between here and the seek.
        self.stop_flow()
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let running batches end, commit them, and only then release the partitions (faust #502)."""
        if not self.should_stop:
            await self._quiesce(REVOKE_WAIT_S, REVOKE_COMMIT_WAIT_S)
        await super().on_partitions_revoked(revoked)
        self._forget(revoked)

    async def wait_empty(self) -> None:
        """Wait a bounded time for running batches, then commit; Faust's method waits for ever for one lost record."""
        await self._quiesce(BATCHES_END_S, LAST_COMMIT_WAIT_S)

    async def commit_and_end_transactions(self) -> None:
        """Commit one last time, within a time limit."""
        if not self._is_broker_away:
            await self._commit_within(LAST_COMMIT_WAIT_S)

    def close(self) -> None:
        """Leave the client to its thread, which closes it a moment later.

        Faust's method closes it from this thread when a rebalance meets a stop. The worker then never leaves the
        group, and the other workers wait for the session timeout.
        """

    async def _quiesce(self, seconds: float, commit_seconds: float) -> None:
        open_ones = [batch for batches in self._open.values() for batch in batches]
        open_ones += [
            batch
            for backlogs in self.transport.backlogs.values()
            for backlog in backlogs
            for batch in backlog.running
        ]
        for batch in open_ones:
            # Running batches see it as well: they start nothing more, and count if they end in time.
            batch.is_revoked = True
        try:
            async with asyncio.timeout(seconds):
                while any(batch.is_running for batch in open_ones):
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            log.warning(
                "batches still at work after %.0f s are left to the next owner of their partitions", seconds
            )
        await self._commit_within(commit_seconds)

    async def _commit_within(self, seconds: float) -> None:
        committing = asyncio.create_task(self._commit_settled())
        done, _ = await asyncio.wait({committing}, timeout=seconds)
        self._is_broker_away = not done
        if not done:
            committing.cancel()
            log.warning("offsets not committed in %.0f s, their records may come again", seconds)
        elif error := committing.exception():
            log.warning("offsets not committed, their records may come again: %s", type(error).__name__)

    async def _commit_settled(self) -> None:
        # A commit under way may have started before the last batch was settled.
        await self.maybe_wait_for_commit_to_finish()
        await self.commit(start_new_transaction=False)

    @property
    def _in_backlogs(self) -> set[TP]:
        return {
            TP(*place)
            for backlogs in self.transport.backlogs.values()
            for backlog in backlogs
            for place in backlog.ranges
        }

    @Service.task
    async def _stay_in_group(self) -> None:
        # While every topic is held back (the store is away) nothing is fetched. After 15 minutes of that, aiokafka
        # would leave the group and not rejoin before the next fetch, which then waits for the group.
        interval = self.app.conf.broker_max_poll_interval / 4
        async for _ in self.itertimer(interval, name="stay_in_group"):
            await self._thread.still_here()

    def snapshot(self) -> ConsumerSnapshot:
        """Return this worker's progress on its partitions, without a request to the broker."""
        topics: dict[str, TopicProgress] = {}
        for tp, (position, end) in self._thread.places().items():
            open_ones = [batch.parts[tp] for _, batch in self._in_flight.get(tp, ()) if not batch.is_settled]
            begin = open_ones[0][0].offset if open_ones else position
            stamps = [records[0].timestamp for records in open_ones]
            topics[tp.topic] = topics.get(tp.topic, TopicProgress()).with_partition(
                waiting=max(0, end - begin), given=sum(map(len, open_ones)), settled=begin, stamps=stamps
            )
        is_flowing = not topics or self.flow_active
        is_joined = self._thread.is_member and is_flowing and not self.app.rebalancing
        return ConsumerSnapshot(is_joined, self._polls, topics, self._thread.heard_at)

    def reopen(self, topic: str, name: str, parts: Mapping[TP, list[Record]]) -> Batch:
        """Build a batch of records from the backlog of the agent of this name."""
        return Batch(parts, (name,), lambda: self._changed(topic))

    def _forget(self, tps: Iterable[TP]) -> None:
        tps = list(tps)
        for backlogs in self.transport.backlogs.values():
            for backlog in backlogs:
                backlog.forget(tps)
        for tp in tps:
            for _, batch in self._in_flight.pop(tp, ()):
                batch.is_revoked = True
            self._committable.pop(tp, None)
        for topic in list(self._open):
            self._changed(topic)


class BatchTransport(driver.Transport):
    """aiokafka transport with the batch consumer."""

    Consumer = BatchConsumer

    def agents_of(self, topic: str) -> tuple[str, ...]:
        """Return the names of the agents that must settle a batch of this topic."""
        return self.app.agents_by_topic[topic]  # type: ignore[attr-defined,no-any-return]  # SafeApp has it

    @property
    def backlogs(self) -> Mapping[str, Sequence[Backlog]]:
        """The backlogs of each topic's agents."""
        return self.app.backlogs_by_topic  # type: ignore[attr-defined,no-any-return]  # as above


def register() -> None:
    """Make the transport known to Faust under `SCHEME`."""
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:{BatchTransport.__name__}"
