"""Keeps everybody one contact when a new build reads addresses or numbers otherwise than the one before."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from functools import partial

from sqlalchemy.engine import Connection

from actions.normalise.identity import READING_RULES
from actions.ports import Identity
from streams.clock import Clock, to_us
from streams.kafka.log import Log
from streams.operations.recovery.contact_keys import Rekeyed, alias_older_contacts
from streams.operations.recovery.lead_keys import alias_older_leads
from streams.store import marks
from streams.store.engine import Database
from topics.registry import TopicNames

log = logging.getLogger(__name__)

UPGRADE = timedelta(days=1)
"""Workers of the build before may run beside the first one of this build, and store people, for this long."""
MARGIN_US = 600_000_000
"""What was stored this long before the last pass is read again: clocks of machines differ."""
_LINE_EVERY_S = 5.0
_RULES = marks.RULES.format(READING_RULES)


async def keep_identities(
    database: Database, topics: Log, names: TopicNames, identity: Identity, default_region: str, clock: Clock
) -> Rekeyed | None:
    """Give people stored under a key of older rules an alias. Return the sums; None when nothing was to do.

    Each worker calls it before it reads a lead. At the first start of a build whose rules differ it reads all contacts,
    and the validated leads that the topics hold; at later starts within `UPGRADE`, what came since; then nothing.
    """
    began = to_us(clock())
    first, since = await database.run(_marks)
    if first is not None and began - first > UPGRADE / timedelta(microseconds=1):
        return None
    since = max(0, (since or 0) - MARGIN_US) if first is not None else 0
    of_contacts = await alias_older_contacts(database, identity, since, _Report("contacts"))
    of_leads = await alias_older_leads(
        database, topics, names, identity, default_region, since // 1000, _Report("leads")
    )
    await database.run(partial(_mark, first=first or began, since=began))
    done = Rekeyed(*(sum(pair) for pair in zip(of_contacts, of_leads, strict=True)))
    if done.aliases or done.twice:
        log.info(
            "people by another key now, who keep their history: %d; people who are stored twice: %d",
            done.aliases,
            done.twice,
        )
    return done


def _marks(connection: Connection) -> tuple[int | None, int | None]:
    return marks.get(connection, _RULES), marks.get(connection, marks.ALIASED)


def _mark(connection: Connection, first: int, since: int) -> None:
    marks.put(connection, _RULES, first)
    marks.put(connection, marks.ALIASED, since)


class _Report:
    """Logs the progress of a pass every few seconds."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._next = time.monotonic() + _LINE_EVERY_S

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _LINE_EVERY_S
        log.info("comparing the keys of %s with today's rules: %d of %d", self._what, done, total)
