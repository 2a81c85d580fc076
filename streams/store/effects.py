"""Intents and outcomes of calls that no transaction covers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.store.bulk import delete_in, insert_many, select_in
from streams.store.engine import ConflictError
from streams.store.schema import CALLED, INTENT, RELEASED, effects


class Verdict(Enum):
    """What a claim of an effect came to."""

    GRANTED = auto()
    """The intent is written: call now."""
    CALLED = auto()
    """It was called before; the reference says what came of it."""
    PENDING = auto()
    """Another execution holds it and its outcome is not known."""
    UNCERTAIN = auto()
    """This very execution was cut off while calling, and must not repeat it."""


class Claim(NamedTuple):
    """One execution asks to make one call."""

    key: str
    ledger_id: bytes
    action: str
    may_repeat: bool
    """Whether a call that was cut off may be made again: the other side drops the copy by its key."""
    decided_us: int | None = None
    """When a person decided to repeat the calls cut off until then; a call cut off later is uncertain again."""


class Claimed(NamedTuple):
    """The answer to a claim."""

    verdict: Verdict
    reference: str = ""
    is_mine: bool = True


class Mark(NamedTuple):
    """The outcome of a granted call: `CALLED` with its reference, or `RELEASED` when it certainly did not happen."""

    key: str
    ledger_id: bytes
    status: int
    reference: str | None


_COLUMNS = (
    effects.c.key,
    effects.c.ledger_id,
    effects.c.status,
    effects.c.reference,
    effects.c.changed_at,
)
_NEW = ("key", "ledger_id", "action", "status", "worker", "changed_at")
_TAKE = (
    sa.update(effects)
    .where(
        effects.c.key == sa.bindparam("b_key"),
        effects.c.ledger_id == sa.bindparam("b_ledger_id"),
        effects.c.status == sa.bindparam("b_status"),
        effects.c.changed_at == sa.bindparam("b_changed_at"),
    )
    .values(
        {name: sa.bindparam(name) for name in ("ledger_id", "action", "worker", "changed_at")}
        | {"status": INTENT}
    )
)
_MARK = (
    sa.update(effects)
    .where(effects.c.key == sa.bindparam("b_key"), effects.c.ledger_id == sa.bindparam("b_ledger_id"))
    .where(effects.c.status != CALLED)
    .values({name: sa.bindparam(name) for name in ("status", "reference", "changed_at")})
)


def claim(connection: Connection, claims: Sequence[Claim], worker: str, now_us: int) -> list[Claimed]:
    """Write the intents of the claims that may be called now; one answer per claim, in order."""
    rows = standing(connection, {item.key for item in claims})
    answers: list[Claimed] = []
    new: list[tuple[object, ...]] = []
    taken: list[dict[str, object]] = []
    for asked in claims:
        row = rows.get(asked.key)
        answer = Claimed(Verdict.GRANTED) if row is None else judge(asked, *row)
        answers.append(answer)
        if answer.verdict is not Verdict.GRANTED:
            continue
        if row is None:
            new.append((asked.key, asked.ledger_id, asked.action, INTENT, worker, now_us))
        else:
            values = {
                "ledger_id": asked.ledger_id,
                "action": asked.action,
                "worker": worker,
                "changed_at": now_us,
            }
            was = {"b_ledger_id": row[0], "b_status": row[1], "b_changed_at": row[3]}
            taken.append(values | was | {"b_key": asked.key})
        rows[asked.key] = (asked.ledger_id, INTENT, None, now_us)
    insert_many(connection, effects, _NEW, new)
    if taken and connection.execute(_TAKE, taken).rowcount != len(taken):
        msg = "another worker took one of these effects first"
        raise ConflictError(msg)
    return answers


def standing(connection: Connection, keys: Iterable[str]) -> dict[str, Sequence[Any]]:
    """Holder (ledger id), status, reference and moment of the effects of these keys that are there."""
    return {row[0]: row[1:] for row in select_in(connection, _COLUMNS, effects.c.key, keys)}


def judge(asked: Claim, ledger_id: bytes, status: int, reference: str | None, changed_at: int) -> Claimed:
    """Say what a claim comes to while the effect stands so; nothing is written."""
    is_mine = bytes(ledger_id) == asked.ledger_id
    if status == CALLED:
        return Claimed(Verdict.CALLED, reference or "", is_mine)
    is_decided = asked.decided_us is not None and changed_at <= asked.decided_us
    if status == RELEASED or (is_mine and (asked.may_repeat or is_decided)):
        return Claimed(Verdict.GRANTED)
    return Claimed(Verdict.UNCERTAIN if is_mine else Verdict.PENDING, is_mine=is_mine)


def mark(connection: Connection, marks: Sequence[Mark], now_us: int) -> None:
    """Write outcomes. One of another execution stays as it is, and what was called stays called, with its reference.

    Of two workers that made one call (a copy is dropped by its key) the result of the first counts, hence its
    reference, too.
    """
    values = [
        {
            "b_key": item.key,
            "b_ledger_id": item.ledger_id,
            "status": item.status,
            "reference": item.reference,
            "changed_at": now_us,
        }
        for item in marks
    ]
    if values:
        connection.execute(_MARK, values)


def prune(
    connection: Connection,
    forgotten: Iterable[tuple[str, str, bytes]],
    of_runs: Mapping[str, Callable[[str], str]],
) -> None:
    """Forget the effects of runs whose executions `(action, run, ledger id)` were forgotten.

    `of_runs` returns a run's key, by kebab-case action, for the actions whose effects are of scope `run`: nothing can
    replay those any more. Effects of contacts stay for ever, or the next lead would make their calls again. One that
    another execution holds is left to that one.
    """
    keys = {of_runs[action](run): ledger_id for action, run, ledger_id in forgotten if action in of_runs}
    held = select_in(connection, (effects.c.key, effects.c.ledger_id), effects.c.key, keys)
    delete_in(connection, effects.c.key, [key for key, holder in held if bytes(holder) == keys[key]])
