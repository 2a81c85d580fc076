"""Writes that wait at the same time share a commit, and each gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy.engine import Connection

from streams.engine.group_commit import GroupCommit
from streams.store.engine import Database, StoreRefusedError, StoreUnavailableError


class Written:
    """Takes numbers; refuses odd ones when set to refuse."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.refused: set[int] = set()
        self.is_away = False

    def __call__(self, _connection: Connection, items: Sequence[int]) -> Sequence[int]:
        if self.is_away:
            raise StoreUnavailableError("away")
        if self.refused & set(items):
            raise StoreRefusedError("refused")
        self.groups.append(list(items))
        return [item * 10 for item in items]


async def test_what_is_submitted_while_a_group_gathers_is_one_commit(database: Database) -> None:
    written = Written()
    group = GroupCommit(database, written)

    answers = await asyncio.gather(*(group.submit(number) for number in range(5)))
    later = await group.submit(9)

    assert (answers, later) == ([0, 10, 20, 30, 40], 90)
    assert written.groups == [[0, 1, 2, 3, 4], [9]]


async def test_an_item_that_the_store_refuses_fails_alone(database: Database) -> None:
    written = Written()
    written.refused = {3}
    group = GroupCommit(database, written)

    answers = await asyncio.gather(*(group.submit(number) for number in range(5)), return_exceptions=True)

    assert [type(answer) for answer in answers] == [int, int, int, StoreRefusedError, int]
    assert sorted(item for each in written.groups for item in each) == [0, 1, 2, 4]


async def test_all_who_wait_hear_of_an_absent_store_and_the_next_group_goes_on(database: Database) -> None:
    written = Written()
    written.is_away = True
    group = GroupCommit(database, written)

    answers = await asyncio.gather(group.submit(1), group.submit(2), return_exceptions=True)
    written.is_away = False

    assert [type(answer) for answer in answers] == [StoreUnavailableError] * 2
    assert await group.submit(3) == 30


async def test_one_who_no_longer_waits_does_not_disturb_the_others(database: Database) -> None:
    group = GroupCommit(database, Written())
    given_up, waiting = group.submit(1), group.submit(2)
    given_up.cancel()

    assert await waiting == 20
    with pytest.raises(asyncio.CancelledError):
        await given_up
