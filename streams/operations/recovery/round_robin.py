"""Advances the round robin of owners by the turns that results took."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.store.roster import OWNERS_TURN
from streams.store.schema import turns
from topics.events import Event


def turn_of(event: Event) -> int | None:
    """Return the turn that this event took; None when it took none, or an older build did not write it."""
    turn: int | None = getattr(event, "turn", None)
    return turn


def count(connection: Connection, events: Sequence[Event]) -> None:
    """Advance the round robin by the number of turns that these events took, each of them new to the store.

    Turns have no gaps, so counting them suffices. Results of builds before `turn` have no number, and theirs and
    later ones come in any order.
    """
    taken = sum(turn_of(event) is not None or _took_one_unnumbered(event) for event in events)
    if taken:
        there = _next(connection)
        _write(connection, there, (there or 0) + taken)


def pass_by(connection: Connection, turn: int) -> None:
    """Make the next turn later than this one: where topics lack results, fewer turns were counted than taken."""
    there = _next(connection)
    if (there or 0) <= turn:
        _write(connection, there, turn + 1)


def _took_one_unnumbered(event: Event) -> bool:
    return getattr(event, "strategy", None) == "round-robin"


def _next(connection: Connection) -> int | None:
    mine = sa.select(turns.c.next).where(turns.c.name == OWNERS_TURN).with_for_update()
    return connection.execute(mine).scalar()


def _write(connection: Connection, there: int | None, following: int) -> None:
    if there is None:
        connection.execute(sa.insert(turns).values(name=OWNERS_TURN, next=following))
    else:
        connection.execute(sa.update(turns).where(turns.c.name == OWNERS_TURN).values(next=following))
