"""This file asks for due retries: letters whose time has come are published to the requests topic."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from streams.processing.publishing import Outgoing, Publisher
from streams.processing.transaction import Clock
from streams.processing.work import to_us
from streams.store import letters
from streams.store.engine import Database
from streams.store.letters import LetterRow
from topics.registry import TopicNames

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
"""A retry that was asked for and not heard of for this long is asked for again."""
AT_ONCE = 200


def request(row: LetterRow, names: TopicNames, *, job: str | None = None) -> Outgoing:
    """Give the record that asks the failed action to run again: the original one, with the letter's headers."""
    letter = row.letter if job is None else replace(row.letter, replay_job=job)
    return Outgoing(names.requests, row.key, row.value, row.headers + letter.headers())


class RetryTimer:
    """Asks for what is due. Any number of workers may do so: asking twice does nothing twice."""

    def __init__(self, database: Database, publisher: Publisher, names: TopicNames, clock: Clock) -> None:
        """Take the index and the way to the broker."""
        self._database = database
        self._publisher = publisher
        self._names = names
        self._clock = clock

    async def tick(self) -> int:
        """Ask for all that is due now; gives back how many it were. Raises as store and publisher do."""
        asked = 0
        while rows := await self._take():
            await self._publisher.publish([request(row, self._names) for row in rows])
            asked += len(rows)
            log.info("asked for %d due retries", len(rows))
        return asked

    async def _take(self) -> Sequence[LetterRow]:
        now_us = to_us(self._clock())
        lease_us = int(LEASE.total_seconds() * 1_000_000)
        return await self._database.run(
            lambda connection: letters.take_due(connection, now_us, lease_us, AT_ONCE)
        )
