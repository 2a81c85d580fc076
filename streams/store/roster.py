"""The port Roster: owners from leads.toml, turns of the round robin from SQL."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.store.schema import turns
from topics.events import Owner

OWNERS_TURN = "owners"
"""Name of the row that counts the owners' turns."""
_LOCK = sa.select(turns.c.next).where(turns.c.name == OWNERS_TURN).with_for_update()
_TAKE = sa.update(turns).where(turns.c.name == OWNERS_TURN).values(next=sa.bindparam("taken"))


def turns_taken(connection: Connection) -> int:
    """Return how many turns were taken, without taking one and without a lock."""
    return connection.execute(sa.select(turns.c.next).where(turns.c.name == OWNERS_TURN)).scalar() or 0


class SqlRoster:
    """The port Roster over one transaction, which locks the row until commit so that no turn is taken twice."""

    def __init__(self, connection: Connection, owners: Sequence[Owner]) -> None:
        """Take the owners as leads.toml lists them."""
        self._connection = connection
        self._owners = owners
        self._first: int | None = None
        self._kept = 0
        self._staged = 0

    @property
    def owners(self) -> Sequence[Owner]:
        """See `actions.ports.Roster.owners`."""
        return self._owners

    async def next_turn(self) -> int:
        """See `actions.ports.Roster.next_turn`."""
        if self._first is None:
            stored = self._connection.execute(_LOCK).scalar()
            if stored is None:
                self._connection.execute(sa.insert(turns).values(name=OWNERS_TURN, next=0))
            self._first = stored or 0
        self._staged += 1
        return self._first + self._kept + self._staged - 1

    def keep(self) -> None:
        """Take the action's turns: it succeeded."""
        self._kept += self._staged
        self._staged = 0

    def drop(self) -> None:
        """Leave the action's turns to the next one: it failed."""
        self._staged = 0

    def flush(self, now_us: int) -> None:  # noqa: ARG002 - the same shape for every transactional adapter
        """Write how many turns were taken."""
        if self._first is not None and self._kept:
            self._connection.execute(_TAKE, {"taken": self._first + self._kept})
