"""This file publishes results and letters: whole record batches per output partition, acknowledged by the broker."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple, Protocol, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.engine.event_cache import OwnEvents
from streams.engine.execution import Lettered, Outcome, Stated, from_us
from streams.failpoints import reach
from streams.kafka.partitioner import partition_of
from topics.decode import Decoded
from topics.envelope import Headers, result_headers, timestamp
from topics.events import Event, LeadReceived
from topics.letter import MESSAGE_LIMIT, without_letter
from topics.limits import fits_a_letter
from topics.registry import TopicNames

PRODUCER_STOP_S = 1.0
log = logging.getLogger(__name__)


class Outgoing(NamedTuple):
    """One record to publish."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class PublishError(Exception):
    """The broker did not take a record; nothing of the batch may be acknowledged."""


class Publisher(Protocol):
    """Publishes records and waits for the broker."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Return when every record is on the broker. Raises `PublishError`; some may be there then."""
        ...


@lru_cache(maxsize=1 << 10)
def _text_of(microseconds: int) -> str:
    return timestamp(from_us(microseconds))  # what one transaction did has one moment


class KafkaPublisher:
    """A `Publisher` over an idempotent aiokafka producer.

    Encoding whole batches per output partition costs half of what `producer.send` per record does, and waiting once per
    batch a fraction of waiting per record.
    """

    def __init__(self, make: Callable[[], AIOKafkaProducer]) -> None:
        """`make` gives a producer that is not started, with `acks="all"` and `enable_idempotence=True`."""
        self._make = make
        self._producer = make()
        self._unkeyed = count()

    async def __aenter__(self) -> Self:
        """Connect. Raises what aiokafka raises when no broker answers."""
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop in bounded time."""
        await _stop(self._producer)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """See `Publisher.publish`. While no broker answers it waits: the records may be there already."""
        reach("publish.before")
        producer = self._producer
        try:
            grouped = await self._group(producer, records)
            futures = []
            for (topic, partition), group in grouped.items():
                futures += await _send(producer, topic, partition, group)
            reach("publish.sent")
            await _all(futures)
            reach("publish.after")
        except KafkaError as error:
            if not error.retriable:
                await self._replace(producer)
            msg = f"the broker did not take {len(records)} records: {type(error).__name__}"
            raise PublishError(msg) from error

    async def _replace(self, failed: AIOKafkaProducer) -> None:
        # What the broker refused has used up a sequence number: to that partition the producer can send nothing more.
        if failed is not self._producer:
            return
        self._producer = producer = self._make()
        try:
            await producer.start()
        except KafkaError:
            self._producer = failed  # the next publish fails once more, and tries this again
            await _stop(producer)
        else:
            await _stop(failed)

    async def _group(
        self, producer: AIOKafkaProducer, records: Sequence[Outgoing]
    ) -> dict[tuple[str, int], list[Outgoing]]:
        grouped: dict[tuple[str, int], list[Outgoing]] = defaultdict(list)
        counts: dict[str, int] = {}
        for record in records:
            partitions = counts.get(record.topic)
            if partitions is None:
                partitions = counts[record.topic] = len(await producer.partitions_for(record.topic))
            number = next(self._unkeyed) if record.key is None else partition_of(record.key, partitions)
            grouped[record.topic, number % partitions].append(record)
        return grouped


async def _send(
    producer: AIOKafkaProducer, topic: str, partition: int, records: list[Outgoing]
) -> list[asyncio.Future[Any]]:
    futures = []
    batch = producer.create_batch()
    for record in records:
        taken = _append(batch, record)
        if not taken:
            futures.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            taken = _append(batch, record)
        if not taken:
            # Larger than a batch may be: on its own, under the limit of the producer.
            futures.append(
                await producer.send(
                    topic, record.value, key=record.key, partition=partition, headers=record.headers
                )
            )
    if batch.record_count():
        futures.append(await producer.send_batch(batch, topic, partition=partition))
    return futures


def _append(batch: Any, record: Outgoing) -> bool:  # noqa: ANN401 - aiokafka's BatchBuilder is not typed
    taken = batch.append(timestamp=None, key=record.key, value=record.value, headers=record.headers)
    return taken is not None


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        async with asyncio.timeout(PRODUCER_STOP_S):
            await producer.stop()
    except TimeoutError:
        log.warning("the broker did not take the last records in time; they come again")


async def _all(futures: Iterable[asyncio.Future[Any]]) -> None:
    # Every future is waited for, so that none fails unseen after the first one did.
    results = await asyncio.gather(*futures, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


@dataclass(frozen=True, slots=True)
class Announcer:
    """Says which record tells of an outcome; the same bytes every time it is told."""

    names: TopicNames
    workflow: str
    own: OwnEvents

    def outgoing(self, outcome: Outcome) -> Outgoing:
        """Give the result event, or the dead letter."""
        return self._result(outcome) if isinstance(outcome, Stated) else self._letter(outcome)

    def _letter(self, outcome: Lettered) -> Outgoing:
        source = outcome.source
        headers = without_letter(source.headers) + outcome.letter.headers()
        if not fits_a_letter(source.key, source.value, headers):
            return self._without_its_bytes(outcome)
        return Outgoing(self.names.letters, source.key, source.value, headers)

    def _without_its_bytes(self, outcome: Lettered) -> Outgoing:
        # Else nobody could ever get past it. Its hash stays, so a replay of what is left is refused.
        letter, source = outcome.letter, outcome.source
        where = (
            f"; the record is too large for a letter and was left out of it, it stays at {source.position}"
        )
        said = letter.message.encode()[: MESSAGE_LIMIT - len(where)].decode(errors="ignore") + where
        own = replace(letter, message=said).headers()
        headers = without_letter(source.headers) + own
        if fits_a_letter(source.key, None, headers):
            return Outgoing(self.names.letters, source.key, None, headers)
        return Outgoing(self.names.letters, None, None, own)

    def _result(self, outcome: Stated) -> Outgoing:
        work, row = outcome.work, outcome.row
        event: type[Event] = (
            type(outcome.event)
            if outcome.event is not None
            else next(event for event in work.step.states if event.type == row.result_type)
        )
        moment = _text_of(row.done_at)
        envelope = work.envelope.followed_by(
            event_type=event.type,
            event_id=work.result_id,
            action=row.action,
            time=moment,
            workflow=self.workflow if work.step.reads is LeadReceived else work.envelope.workflow,
        )
        headers = result_headers(envelope, row.lead_id)
        if outcome.event is not None and row.result is not None:
            self.own.remember(row.result, headers, Decoded(envelope, outcome.event, None))
        key = row.lead_id if event.key_field == "lead_id" else row.contact_key or row.lead_id
        return Outgoing(self.names.of(event), key.encode(), row.result, headers)
