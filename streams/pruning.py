"""This file forgets what can no longer come again: old ledger rows and letters, a few at a time."""

from __future__ import annotations

import logging
from datetime import timedelta

from streams.processing.transaction import Clock
from streams.processing.work import to_us
from streams.store import ledger, letters
from streams.store.engine import Database
from topics.registry import LONGEST_RETENTION

log = logging.getLogger(__name__)

STEP = 500
"""Rows per transaction: a worker's batch never waits long for it."""
STEPS_PER_TICK = 20


class Pruner:
    """Keeps the tables bounded. Effects of contacts (one welcome, ever) are not forgotten."""

    def __init__(self, database: Database, clock: Clock, retention: timedelta) -> None:
        """`retention` is how long the ledger remembers: longer than topics and letters can replay."""
        self._database = database
        self._clock = clock
        self._retention = retention

    async def tick(self) -> int:
        """Forget at most `STEP * STEPS_PER_TICK` rows of each table; gives back how many it were."""
        now = self._clock()
        ledger_before = to_us(now - self._retention)
        letters_before = to_us(now - max(self._retention, LONGEST_RETENTION))
        forgotten = 0
        for prune, before in ((ledger.prune, ledger_before), (letters.prune, letters_before)):
            for _ in range(STEPS_PER_TICK):
                done = await self._database.run(lambda c, prune=prune, before=before: prune(c, before, STEP))  # type: ignore[misc]
                forgotten += done
                if done < STEP:
                    break
        if forgotten:
            log.info("forgot %d rows older than %d days", forgotten, self._retention.days)
        return forgotten
