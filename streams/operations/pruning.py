"""This file forgets what can no longer come again: old ledger rows, effects of their events, and letters."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from sqlalchemy.engine import Connection

from streams.clock import Clock, to_us
from streams.store import jobs, ledger, letter_pruning, letters
from streams.store.engine import Database
from topics.registry import AUDIT, BY_NAME, LONGEST_RETENTION

log = logging.getLogger(__name__)

STEP = 500
"""Rows per transaction: a worker's batch never waits long for it."""
REST = 4.0
"""Times the length of a step that is rested after it, so that pruning takes at most a fifth of the store."""
SEGMENT = timedelta(days=7, hours=1)
"""Kafka deletes whole segments, which it begins every seven days: so much longer may a topic hold a record."""
LETTERS_AGE = LONGEST_RETENTION + SEGMENT
"""A letter stays in the index at least as long as in its topic, whether it is open or not."""
EXPIRED_AGE = BY_NAME[AUDIT].retention + SEGMENT
"""That an open letter was lost stays known as long as what people did about it."""


class Pruner:
    """Keeps the tables bounded. Effects of contacts (one welcome, ever) are not forgotten."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        retention: timedelta,
        rest: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`retention` is how long the ledger remembers: longer than topics and letters can replay."""
        self._database = database
        self._clock = clock
        self._retention = retention
        self._rest = rest

    async def tick(self) -> int:
        """Forget all that is too old, a few rows at a time; gives back how many it were. Raises as the store does."""
        now = self._clock()
        ledger_before = to_us(now - self._retention)
        letters_before = to_us(now - max(self._retention, LETTERS_AGE))
        forgotten = await self._prune(ledger.prune, ledger_before)
        expired = await self._prune(letter_pruning.expire, letters_before)
        if expired:
            log.error(
                "%d open dead letters are lost: nobody decided about them before retention took their records; "
                "`leads dead-letters list --status expired` names them",
                expired,
            )
        forgotten += await self._prune(letter_pruning.prune, letters_before)
        forgotten += await self._prune(
            partial(letter_pruning.prune, statuses=[letters.EXPIRED]), to_us(now - EXPIRED_AGE)
        )
        forgotten += await self._prune(jobs.prune, letters_before)
        if forgotten:
            log.info("forgot %d rows older than %d days", forgotten, self._retention.days)
        return forgotten

    async def _prune(self, prune: Callable[[Connection, int, int], int], before_us: int) -> int:
        def unit(connection: Connection) -> int:
            return prune(connection, before_us, STEP)

        forgotten = 0
        while True:
            began = time.monotonic()
            done = await self._database.run(unit)
            forgotten += done
            if done < STEP:
                return forgotten
            # The worker's own batches come in between, and so do those of other processes.
            await self._rest((time.monotonic() - began) * REST)
