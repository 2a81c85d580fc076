"""This file moves the round of owners on by the turns that results say were taken."""

from __future__ import annotations

import re
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.store.schema import turns
from topics.events import Event, LeadAssigned

_NUMBER = re.compile(r"\bturn (\d+) of the round\b")
"""As `assign_owner` says it: the result carries the number nowhere else."""
_NAME = "owners"


def take(connection: Connection, events: Sequence[Event]) -> None:
    """Let the next turn be one that none of these assignments had."""
    given = [event for event in events if isinstance(event, LeadAssigned) and event.strategy == "round-robin"]
    if not given:
        return
    numbers = [int(found[1]) for event in given if (found := _NUMBER.search(event.reason))]
    mine = turns.c.name == _NAME
    there = connection.execute(sa.select(turns.c.next).where(mine).with_for_update()).scalar()
    if there is None:
        connection.execute(sa.insert(turns).values(name=_NAME, next=0))
    # Without a number it is one turn more; no number is given twice either way.
    after = max([(there or 0) + len(given) - len(numbers), *(number + 1 for number in numbers)])
    connection.execute(sa.update(turns).where(mine).values(next=after))
