"""Store intents and outcomes of calls that no transaction covers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.action import Requires
from streams.store.bulk import delete_in, insert_many, select_in
from streams.store.engine import ConflictError
from streams.store.schema import CALLED, INTENT, RELEASED, effects
from streams.store.suppressions import Question, Refusal, refusals


class Verdict(Enum):
    """The result of a claim."""

    GRANTED = auto()
    """The intent is written: call now."""
    CALLED = auto()
    """The call was made before; the reference identifies its result."""
    PENDING = auto()
    """Another execution holds the effect, and its outcome is not known."""
    UNCERTAIN = auto()
    """This execution itself was cut off while calling, and must not repeat the call."""
    REFUSED = auto()
    """The contact must not be written to now; nothing is written, so that a later event may call."""


class Claim(NamedTuple):
    """A request of one execution to make one call."""

    key: str
    ledger_id: bytes
    action: str
    may_repeat: bool
    """Whether a call that was cut off may be repeated, because the receiver drops the copy by its key."""
    decided_us: int | None = None
    """When a person decided to repeat the calls cut off until that moment; one cut off later is uncertain again."""
    contact_key: str = ""
    requires: Requires = "nothing"
    """What the contact must have said."""


class Claimed(NamedTuple):
    """The answer to a claim."""

    verdict: Verdict
    reference: str = ""
    is_mine: bool = True
    refusal: Refusal | None = None


class Mark(NamedTuple):
    """The outcome of a granted call: `CALLED` with its reference, or `RELEASED` when it was certainly not made."""

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


def claim(
    connection: Connection,
    claims: Sequence[Claim],
    worker: str,
    now_us: int,
    key_of_phone: Callable[[str], str],
) -> list[Claimed]:
    """Write the intents of the claims that may be called now. Return one answer per claim, in order.

    What the contacts said is read in this transaction: a no that was stored before it is never written over.
    """
    rows = standing(connection, {item.key for item in claims})
    asked = (Question(item.contact_key, item.requires) for item in claims)
    refused = refusals(connection, asked, key_of_phone)
    answers: list[Claimed] = []
    new: list[tuple[object, ...]] = []
    taken: list[dict[str, object]] = []
    for item in claims:
        row = rows.get(item.key)
        answer = Claimed(Verdict.GRANTED) if row is None else judge(item, *row)
        refusal = refused.get(item.contact_key) if answer.verdict is Verdict.GRANTED else None
        if refusal is not None and item.requires != "nothing":
            answer = Claimed(Verdict.REFUSED, refusal=refusal)
        answers.append(answer)
        if answer.verdict is not Verdict.GRANTED:
            continue
        if row is None:
            new.append((item.key, item.ledger_id, item.action, INTENT, worker, now_us))
        else:
            values = {
                "ledger_id": item.ledger_id,
                "action": item.action,
                "worker": worker,
                "changed_at": now_us,
            }
            was = {"b_ledger_id": row[0], "b_status": row[1], "b_changed_at": row[3]}
            taken.append(values | was | {"b_key": item.key})
        rows[item.key] = (item.ledger_id, INTENT, None, now_us)
    insert_many(connection, effects, _NEW, new)
    if taken and connection.execute(_TAKE, taken).rowcount != len(taken):
        msg = "another worker took one of these effects first"
        raise ConflictError(msg)
    return answers


def standing(connection: Connection, keys: Iterable[str]) -> dict[str, Sequence[Any]]:
    """Return holder (ledger id), status, reference and moment of the existing effects of these keys."""
    return {row[0]: row[1:] for row in select_in(connection, _COLUMNS, effects.c.key, keys)}


def judge(item: Claim, ledger_id: bytes, status: int, reference: str | None, changed_at: int) -> Claimed:
    """Return the answer to a claim while the effect's row has these values; write nothing."""
    is_mine = bytes(ledger_id) == item.ledger_id
    if status == CALLED:
        return Claimed(Verdict.CALLED, reference or "", is_mine)
    is_decided = item.decided_us is not None and changed_at <= item.decided_us
    if status == RELEASED or (is_mine and (item.may_repeat or is_decided)):
        return Claimed(Verdict.GRANTED)
    return Claimed(Verdict.UNCERTAIN if is_mine else Verdict.PENDING, is_mine=is_mine)


def mark(connection: Connection, marks: Sequence[Mark], now_us: int) -> None:
    """Write outcomes. Never change an effect that another execution holds, or one that was called.

    When two workers made the same call (the receiver drops a copy by its key), the first one's result counts, and
    so does its reference.
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
    executions: Iterable[tuple[str, str, bytes]],
    of_runs: Mapping[str, Callable[[str], str]],
) -> None:
    """Delete the effects of runs whose executions `(action, run, ledger id)` were deleted.

    `of_runs` maps a kebab-case action to a function from a run to its effect's key, for actions whose effects have
    scope `run`: nothing can replay those any more. Effects of contacts are kept for ever; otherwise the next lead would
    make their calls again. An effect that another execution holds is kept for that one.
    """
    keys = {of_runs[action](run): ledger_id for action, run, ledger_id in executions if action in of_runs}
    held = select_in(connection, (effects.c.key, effects.c.ledger_id), effects.c.key, keys)
    delete_in(connection, effects.c.key, [key for key, holder in held if bytes(holder) == keys[key]])
