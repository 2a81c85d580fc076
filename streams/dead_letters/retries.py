"""Requests due retries: publishes letters whose time has come to the requests topic."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from streams.clock import to_us
from streams.engine.installation import Installation
from streams.engine.pauses import Pauses
from streams.kafka.producer import Outgoing
from streams.store import letter_replays
from streams.store.letters import LetterRow
from topics.registry import TopicNames

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
"""A retry without an outcome for this long is requested again."""
BATCH_SIZE = 200


def request(row: LetterRow, names: TopicNames, *, job: str | None = None) -> Outgoing:
    """Return the record that requests the failed action again: the original one with the letter's headers."""
    letter = row.letter if job is None else replace(row.letter, replay_job=job)
    return Outgoing(names.requests, row.key, row.value, row.headers + letter.headers())


class RetryTimer:
    """Requests due retries. Several workers may do so: a letter that is requested twice is done once."""

    def __init__(self, installation: Installation, pauses: Pauses | None = None) -> None:
        """Hold back the retries of paused steps."""
        self._installation = installation
        self._pauses = pauses

    async def tick(self) -> int:
        """Request all retries that are due now; return their number. Raise as store and publisher do."""
        paused, probing = ((), ()) if self._pauses is None else self._pauses.held()
        number = 0
        while rows := await self._take(BATCH_SIZE, besides=paused):
            number += await self._ask(rows)
        for step in probing:
            # One retry as a probe: there may be no other work that shows whether the dependency is back.
            number += await self._ask(await self._take(1, of=[step]))
        return number

    async def _ask(self, rows: Sequence[LetterRow]) -> int:
        if rows:
            topics = self._installation.topics
            await self._installation.publisher.publish([request(row, topics) for row in rows])
            log.info("requested %d due retries", len(rows))
        return len(rows)

    async def _take(
        self, limit: int, *, of: Sequence[str] | None = None, besides: Sequence[str] = ()
    ) -> Sequence[LetterRow]:
        now_us = to_us(self._installation.clock())
        lease_us = int(LEASE.total_seconds() * 1_000_000)
        return await self._installation.database.run(
            lambda connection: letter_replays.take_due(
                connection, now_us, lease_us, limit, of=of, besides=besides
            )
        )
