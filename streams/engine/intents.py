"""Writes intents before outside calls, and outcomes after them, in small groups."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection

from streams.clock import Clock, to_us
from streams.engine.group_commit import GroupCommit
from streams.store import effects, ledger, letter_replays
from streams.store.effects import Claim, Claimed, Mark
from streams.store.engine import Database, StoreBusyError, StoreUnavailableError
from streams.store.ledger import LedgerRow

log = logging.getLogger(__name__)


class Finish(NamedTuple):
    """The outcome of one execution with its outside calls."""

    row: LedgerRow
    replaces: int | None
    """Generation of the failure that the row replaces; None for a first execution."""
    marks: tuple[Mark, ...]
    resolves: str | None
    """Id of the letter that this execution resolves."""


class IntentLog:
    """Claims and finishes of one worker process."""

    def __init__(
        self, database: Database, worker: str, clock: Clock, key_of_phone: Callable[[str], str]
    ) -> None:
        """`worker` names this process in the intents it writes; `key_of_phone` returns the contact key of a phone."""
        self._key_of_phone = key_of_phone
        self._worker = worker
        self._clock = clock
        self._group = GroupCommit[Claim | Finish, Claimed | LedgerRow](database, self._apply)

    async def claim(self, claim: Claim) -> Claimed:
        """Write the intent; it is committed when this returns."""
        answer = await self._group.submit(claim)
        assert isinstance(answer, Claimed)  # noqa: S101 - for the type checker
        return answer

    def finish(self, finish: Finish) -> Awaitable[LedgerRow]:
        """Submit the outcome at once. Return an awaitable, done once it is committed, which must be awaited.

        Its result is the row that counts (that of the first writer). It waits while the store is down, because the
        call was made and only its record is missing. It raises `StoreRefusedError` when the database refuses the
        outcome for good.
        """
        return self._finished(finish, self._group.submit(finish))

    async def _finished(self, finish: Finish, submitted: asyncio.Future[Claimed | LedgerRow]) -> LedgerRow:
        wait = 0.1
        while True:
            try:
                answer = await submitted
            except (StoreUnavailableError, StoreBusyError) as error:
                log.warning(
                    "store unavailable, the outcome of %s waits to be written: %s", finish.row.action, error
                )
                await asyncio.sleep(wait)
                wait = min(wait * 2, 2.0)
                submitted = self._group.submit(finish)
            else:
                assert isinstance(answer, LedgerRow)  # noqa: S101 - for the type checker
                return answer

    def _apply(
        self, connection: Connection, items: Sequence[Claim | Finish]
    ) -> Sequence[Claimed | LedgerRow]:
        # Outcomes first, so that one who submits an outcome and then claims the next call has one open intent.
        finishes = [item for item in items if isinstance(item, Finish)]
        claims = [item for item in items if isinstance(item, Claim)]
        finished = iter(self._apply_finishes(connection, finishes) if finishes else ())
        claimed = iter(self._apply_claims(connection, claims) if claims else ())
        return [next(finished) if isinstance(item, Finish) else next(claimed) for item in items]

    def _apply_claims(self, connection: Connection, claims: Sequence[Claim]) -> Sequence[Claimed]:
        return effects.claim(connection, claims, self._worker, to_us(self._clock()), self._key_of_phone)

    def _apply_finishes(self, connection: Connection, finishes: Sequence[Finish]) -> Sequence[LedgerRow]:
        now_us = to_us(self._clock())
        there = ledger.find(connection, (finish.row.id for finish in finishes))
        new: list[LedgerRow] = []
        replaced: list[tuple[LedgerRow, int]] = []
        answers: list[LedgerRow] = []
        for finish in finishes:
            row = there.get(finish.row.id)
            if row is None:
                new.append(finish.row)
            elif finish.replaces is not None and row.is_failed and row.generation == finish.replaces:
                replaced.append((finish.row, finish.replaces))
            else:
                answers.append(row)  # another worker was first: its row counts
                continue
            there[finish.row.id] = finish.row
            answers.append(finish.row)
        ledger.insert(connection, new)
        ledger.replace_failed(connection, replaced)
        effects.mark(connection, [mark for finish in finishes for mark in finish.marks], now_us)
        letter_replays.resolve(
            connection, [f.resolves for f in finishes if f.resolves is not None], "resolved", now_us
        )
        return answers
