"""Test what every adapter of the port Roster must do; subclasses provide the fixture `store`."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pytest

from actions.ports import Roster
from topics.events import Owner

OWNERS = (
    Owner(id="kim", name="Kim Berg", email="kim@example.com"),
    Owner(id="lou", name="Lou Sand", email="lou@example.com"),
)
"""The owners the fixture's roster must have, in this order."""


class RosterStore(Protocol):
    """Opens the port for one action after the other."""

    def action(self) -> AbstractAsyncContextManager[Roster]:
        """Open one action, whose turns are taken when it succeeds and go to the next action when it raises."""
        ...


class Failure(Exception):
    """The error of an action that fails."""


async def turn(store: RosterStore) -> int:
    async with store.action() as roster:
        return await roster.next_turn()


async def failed_turn(store: RosterStore) -> None:
    async with store.action() as roster:
        await roster.next_turn()
        raise Failure


class RosterSuite:
    async def test_owners_keep_their_order(self, store: RosterStore) -> None:
        async with store.action() as roster:
            owners = tuple(roster.owners)

        assert owners == OWNERS

    async def test_turns_count_from_zero(self, store: RosterStore) -> None:
        turns = [await turn(store) for _ in range(3)]

        assert turns == [0, 1, 2]

    async def test_one_action_may_take_several_turns(self, store: RosterStore) -> None:
        async with store.action() as roster:
            turns = [await roster.next_turn(), await roster.next_turn()]

        assert [*turns, await turn(store)] == [0, 1, 2]

    async def test_the_turn_of_a_failed_action_goes_to_the_next(self, store: RosterStore) -> None:
        first = await turn(store)

        with pytest.raises(Failure):
            await failed_turn(store)

        assert [first, await turn(store)] == [0, 1]
