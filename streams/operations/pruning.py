"""Deletes what can no longer be redelivered: old ledger rows, effects of their runs, and letters."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial

from sqlalchemy.engine import Connection

from streams.clock import to_us
from streams.engine.installation import Installation
from streams.store import jobs, ledger, letter_pruning, letters
from streams.workflow import Workflow
from topics.registry import AUDIT, BY_NAME, LONGEST_RETENTION

log = logging.getLogger(__name__)

BATCH_SIZE = 500
"""Rows per transaction, so that a worker's batch never waits long."""
REST = 4.0
"""Rest after a transaction, as a multiple of its duration: pruning takes at most a fifth of the store's time."""
SEGMENT = timedelta(days=7, hours=1)
"""Kafka deletes whole segments and rolls one every seven days, so a record can outlive its retention by that long."""
LETTERS_AGE = LONGEST_RETENTION + SEGMENT
"""Letters, open or not, stay in the index at least as long as in their topic."""
EXPIRED_AGE = BY_NAME[AUDIT].retention + SEGMENT
"""Expired letters stay in the index as long as the audit of what people did about them."""


class Pruner:
    """Keeps the tables bounded. Effects of scope `contact` (one welcome, ever) are never deleted."""

    def __init__(
        self,
        installation: Installation,
        retention: timedelta,
        rest: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`retention` is how long ledger rows are kept: longer than topics and letters can replay."""
        self._database = installation.database
        self._clock = installation.clock
        self._retention = retention
        self._rest = rest
        self._of_runs = keys_of_runs(installation.workflow)

    async def tick(self) -> int:
        """Delete all that is too old, a few rows at a time. Return the number of rows. Raise as the store does."""
        now = self._clock()
        ledger_before = to_us(now - self._retention)
        letters_before = to_us(now - max(self._retention, LETTERS_AGE))
        forgotten = await self._prune(partial(ledger.prune, of_runs=self._of_runs), ledger_before)
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
            return prune(connection, before_us, BATCH_SIZE)

        forgotten = 0
        while True:
            began = time.monotonic()
            done = await self._database.run(unit)
            forgotten += done
            if done < BATCH_SIZE:
                return forgotten
            # Batches of this worker and of other processes run in between.
            await self._rest((time.monotonic() - began) * REST)


def keys_of_runs(workflow: Workflow) -> Mapping[str, Callable[[str], str]]:
    """Return, by action (kebab-case) with an effect of scope `run`, the function that makes the key of a run."""
    effects = ((step.action.kebab, step.action.effect) for step in workflow.steps)
    return {
        action: effect.key_of_run
        for action, effect in effects
        if effect is not None and effect.scope == "run"
    }
