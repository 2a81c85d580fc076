"""Checks whether a store is older than its topics: a worker would then repeat what was done since."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial

from streams.clock import from_us
from streams.engine.installation import Installation
from streams.kafka.log import Log
from streams.kafka.reader import Ranges
from streams.operations.recovery.results import read_result
from streams.operations.recovery.watermark import is_behind, knows_until
from streams.store import ledger
from streams.workflow import Workflow
from topics.events import Event, LeadReceived

logger = logging.getLogger(__name__)

LOOKS_AT = 200
"""Records read per partition: a store that is behind lacks the first ones after what it knows."""


class BehindError(RuntimeError):
    """The store is older than its topics; the message is one sentence with the next step."""


async def check_is_not_behind(installation: Installation, log: Log) -> None:
    """Raise `BehindError` when the store was restored and has not caught up. Raise as store and log do.

    `leads store restore` marks the store that it puts in place. For any other store the topics show it: results of a
    lead that this group has acknowledged were in its store before they were published. An empty store was not
    restored, so it only causes a warning in the log.
    """
    database = installation.database
    if await database.run(is_behind):
        msg = (
            "the store was restored and is older than the topics, so leads would be welcomed again; "
            "run `leads store catch-up` first"
        )
        raise BehindError(msg)
    newest = await database.run(knows_until)
    missing = await _missing(installation, log, newest or 0)
    if missing and newest is None:
        logger.warning(
            "the store is empty and the group has settled leads before; if it was lost, stop the workers and run "
            "`leads store catch-up`"
        )
    elif missing and newest is not None:
        msg = (
            f"the store knows until {from_us(newest):%Y-%m-%d %H:%M:%SZ} and lacks what this group has settled since "
            f"(at least {missing:,} results), so it is a restored copy; run `leads store catch-up` first"
        )
        raise BehindError(msg)


async def _missing(installation: Installation, log: Log, newest_us: int) -> int:
    """Count results of acknowledged leads that the ledger lacks, among the first `LOOKS_AT` per partition."""
    workflow, topics = installation.workflow, installation.topics
    settled = await log.settled(topics.of(LeadReceived))
    if not settled:
        return 0
    entry = [step for step in workflow.steps if step.reads is LeadReceived]
    missing = 0
    for event in dict.fromkeys(event for step in entry for event in step.emits):
        ranges = await log.since(topics.of(event), newest_us // 1000)
        first = {at: (begin, min(end, begin + LOOKS_AT)) for at, (begin, end) in ranges.items()}
        ids = await _acknowledged(log, first, event, workflow, settled)
        known = await installation.database.run(partial(ledger.find, ids=ids))
        missing += len(set(ids) - set(known))
    return missing


async def _acknowledged(
    log: Log, ranges: Ranges, event: type[Event], workflow: Workflow, settled: Mapping[int, int]
) -> list[bytes]:
    """Return the ids of results whose leads the group has acknowledged."""
    ids: list[bytes] = []
    async for batch in log.read(ranges):
        for record in batch:
            result = read_result(record, event, workflow)
            if result is not None and result.received_at[2] < settled.get(result.received_at[1], 0):
                ids.append(result.id)
    return ids
