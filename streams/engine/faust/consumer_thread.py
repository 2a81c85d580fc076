"""The part of the transport that runs beside the app's event loop: the Kafka client and its time limits.

aiokafka retries a commit for as long as the broker is away, so its caller must limit the wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.failpoints import reach
from streams.kafka.header_names import read_any_header_name

log = logging.getLogger(__name__)

FETCH_WAIT_MS = 200
LEAVE_WAIT_S = 1.0


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Owns the aiokafka consumer; the app's loop calls its methods, except those that start with an underscore."""

    def _create_worker_consumer(self, transport: Any) -> Any:  # noqa: ANN401
        read_any_header_name()
        consumer = super()._create_worker_consumer(transport)
        # Faust sets 1500 and offers no setting. A topic that was held back is fetched again only when the request
        # under way for all other topics returns, so a busy topic would stop for that long.
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001
        return consumer

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        # Faust crashes the app when a commit fails, without need: the offsets stay uncommitted, the records may be
        # redelivered, and the ledger makes that harmless.
        consumer = self._ensure_consumer()
        assigned = {tp: offset for tp, offset in offsets.items() if tp in self.assignment()}
        if not assigned:
            return False
        try:
            reach("offsets.commit.before")
            await consumer.commit({driver.ensure_aiokafka_TP(tp): offset for tp, offset in assigned.items()})
            reach("offsets.commit.after")
        except KafkaError as error:
            log.warning("offsets not committed now, their records may come again: %s", type(error).__name__)
            return False
        return True

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to the committed offsets, or to the beginning where nothing is committed."""
        committed: Mapping[TP, int] = await self.call_thread(self._seek_to_committed)
        return committed

    async def _seek_to_committed(self) -> dict[TP, int]:
        # aiokafka's method does not move a partition without a committed offset, which is then behind the records
        # that were fetched and discarded: those would never be read.
        consumer = self._ensure_consumer()
        partitions = list(consumer.assignment())
        offsets = await asyncio.gather(*(consumer.committed(partition) for partition in partitions))
        committed = {
            partition: offset
            for partition, offset in zip(partitions, offsets, strict=True)
            if partition in consumer.assignment()  # it may have been revoked meanwhile
        }
        for partition, offset in committed.items():
            if offset is not None:
                consumer.seek(partition, offset)
        if fresh := [partition for partition, offset in committed.items() if offset is None]:
            await consumer.seek_to_beginning(*fresh)
        return {TP(partition.topic, partition.partition): offset for partition, offset in committed.items()}

    def places(self) -> dict[TP, tuple[int, int]]:
        """Return per partition the next offset to deliver and the end of the log, as of the last fetches.

        Read from the consumer's own state, without a request. Partitions that were not fetched yet are left out.
        """
        subscription = None if self._consumer is None else self._consumer._subscription.subscription  # noqa: SLF001
        assignment: Any = None if subscription is None else subscription.assignment
        places: dict[TP, tuple[int, int]] = {}
        for partition in () if assignment is None else assignment.tps:
            state = assignment.state_value(partition)
            position, end = state._position, state.highwater  # noqa: SLF001 - the property may raise
            if position is not None and end is not None:
                places[TP(partition.topic, partition.partition)] = (position, end)
        return places

    @property
    def is_member(self) -> bool:
        """Whether it is in the group, even without partitions."""
        subscription = None if self._consumer is None else self._consumer._subscription.subscription  # noqa: SLF001
        return subscription is not None and subscription.assignment is not None

    @property
    def heard_at(self) -> float | None:
        """When a broker last answered this client, in monotonic seconds."""
        connections = [] if self._consumer is None else list(self._consumer._client._conns.values())  # noqa: SLF001
        # aiokafka sets this time with each answer, to close idle connections.
        return max((connection._last_action for connection in connections), default=None)  # noqa: SLF001

    async def still_here(self) -> None:
        """Count as a poll, as aiokafka leaves the group after `broker_max_poll_interval` without one."""
        await self.call_thread(self._still_here)

    async def _still_here(self) -> None:
        with self._ensure_consumer()._subscription.fetch_context():  # noqa: SLF001 - polls are counted there
            pass

    async def on_thread_stop(self) -> None:
        """Leave the group; when the broker is away, the session timeout removes the member."""
        try:
            async with asyncio.timeout(LEAVE_WAIT_S):
                await super().on_thread_stop()
        except TimeoutError:
            log.warning("the group was not left in order: the broker did not answer in %.0f s", LEAVE_WAIT_S)
            if self._consumer is not None:
                await self._consumer._client.close()  # noqa: SLF001 - the last thing `stop` would have done
