"""This file tells whether a store is older than its topics: then a worker would do again what was done since."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial

from streams.clock import from_us
from streams.kafka.log import Log
from streams.kafka.reader import Ranges
from streams.operations.recovery.results import read_result
from streams.operations.recovery.watermark import is_behind, knows_until
from streams.store import ledger
from streams.store.engine import Database
from streams.workflow import Workflow
from topics.events import Event, LeadReceived
from topics.registry import TopicNames

log = logging.getLogger(__name__)

LOOKS_AT = 200
"""Records per partition: a store that is behind lacks the very first ones after what it knows."""


class BehindError(RuntimeError):
    """The store is older than its topics; the message is one sentence with the next step."""


async def check_is_not_behind(database: Database, topics: Log, workflow: Workflow, names: TopicNames) -> None:
    """Raise `BehindError` when the store was restored and has not caught up. Raises as store and log do.

    A store that `leads store restore` put in place says so itself. Of any other the topics tell: the results of a lead
    that this group has acknowledged were in its store before they were published. An empty store was not restored, so
    there it is only told.
    """
    if await database.run(is_behind):
        msg = (
            "the store was restored and is older than the topics, so leads would be welcomed again; "
            "run `leads store catch-up` first"
        )
        raise BehindError(msg)
    newest = await database.run(knows_until)
    missing = await _missing(database, topics, workflow, names, newest or 0)
    if missing and newest is None:
        log.warning(
            "the store is empty and the group has settled leads before; if it was lost, stop the workers and run "
            "`leads store catch-up`"
        )
    elif missing and newest is not None:
        msg = (
            f"the store knows until {from_us(newest):%Y-%m-%d %H:%M:%SZ} and lacks what this group has settled since "
            f"(at least {missing:,} results), so it is a restored copy; run `leads store catch-up` first"
        )
        raise BehindError(msg)


async def _missing(
    database: Database, topics: Log, workflow: Workflow, names: TopicNames, newest_us: int
) -> int:
    """Count results of acknowledged leads that the ledger does not have, as far as it looks."""
    settled = await topics.settled(names.of(LeadReceived))
    if not settled:
        return 0
    entry = [step for step in workflow.steps if step.reads is LeadReceived]
    missing = 0
    for event in dict.fromkeys(event for step in entry for event in step.emits):
        ranges = await topics.since(names.of(event), newest_us // 1000)
        first = {at: (begin, min(end, begin + LOOKS_AT)) for at, (begin, end) in ranges.items()}
        found = await _acknowledged(topics, first, event, workflow, settled)
        known = await database.run(partial(ledger.find, ids=found))
        missing += len(set(found) - set(known))
    return missing


async def _acknowledged(
    topics: Log, ranges: Ranges, event: type[Event], workflow: Workflow, settled: Mapping[int, int]
) -> list[bytes]:
    """Give the ids of those results whose leads the group has acknowledged."""
    found: list[bytes] = []
    async for batch in topics.read(ranges):
        for record in batch:
            result = read_result(record, event, workflow)
            if result is not None and result.received_at[2] < settled.get(result.received_at[1], 0):
                found.append(result.id)
    return found
