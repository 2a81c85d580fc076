"""A job keeps to the plan's order: turns one at a time, a contact's letters one after the other."""

from __future__ import annotations

from typing import Any

from streams.dead_letters.planned_letters import BusyContacts, in_order
from streams.store.jobs import ItemRow
from streams.store.ledger import LedgerRow
from streams.store.schema import DONE, FAILED

FIRST, SECOND = "1" * 32, "2" * 32
"""Ids of what follows."""


def item(number: int, contact: str | None = None, *, follows: tuple[str, ...] = (), **would: Any) -> ItemRow:  # noqa: ANN401
    planned = {"contact": contact, "follows": list(follows), "would": would}
    return ItemRow(number, f"letter-{number}", "waiting", planned)


def row(event_id: str, status: int = DONE) -> tuple[bytes, LedgerRow]:
    key = bytes.fromhex(event_id)
    return key, LedgerRow(key, "a", 1, "r", "l", None, status, 0, 1, None, None, None, None, 0, 0)


def numbers(chosen: list[ItemRow]) -> list[int]:
    return [each.position for each in chosen]


def test_owners_take_one_turn_at_a_time_and_nothing_overtakes_them() -> None:
    waiting = [item(1), item(2, is_new_owner=True), item(3), item(4, is_new_owner=True), item(5)]

    assert numbers(in_order(waiting, [], (), 10)) == [1, 2, 3]
    assert numbers(in_order(waiting, [item(0, is_new_owner=True)], (), 10)) == [1]


def test_what_is_about_a_contact_waits_for_what_follows_of_an_earlier_letter_about_it() -> None:
    waiting = [item(1, "ann", follows=(FIRST,)), item(2, "ann"), item(3, "bob"), item(4, "bob")]

    assert numbers(in_order(waiting, [], (), 10)) == [1, 3, 4]
    assert numbers(in_order(waiting, [item(0, "bob", follows=(FIRST,))], (), 10)) == [1]
    assert numbers(in_order(waiting, [], {"ann"}, 10)) == [3, 4]
    assert numbers(in_order(waiting, [], (), 1)) == [1]


def test_a_contact_is_busy_until_all_that_follows_is_done_or_something_of_it_failed() -> None:
    busy = BusyContacts(patience_s=120)
    busy.begin(item(0, "ann", follows=(FIRST, SECOND)), now=0.0)

    ids = frozenset((bytes.fromhex(FIRST), bytes.fromhex(SECOND)))
    assert busy.about([item(1, "ann"), item(2, "bob"), item(3)]) == {"ann": ids}
    assert busy.about([item(2, "bob")]) == {}
    assert busy.still(["ann"], dict([row(FIRST)]), now=1.0) == {"ann"}
    assert busy.still(["ann"], dict([row(FIRST), row(SECOND)]), now=2.0) == set()
    assert busy.about([item(1, "ann")]) == {}

    busy.begin(item(0, "ann", follows=(FIRST, SECOND)), now=3.0)
    assert busy.still(["ann"], dict([row(FIRST, FAILED)]), now=4.0) == set()


def test_what_does_not_come_is_not_waited_for_for_ever() -> None:
    busy = BusyContacts(patience_s=120)
    busy.begin(item(0, "ann", follows=(FIRST,)), now=0.0)

    assert busy.still(["ann"], {}, now=120.0) == {"ann"}
    assert busy.still(["ann"], {}, now=120.1) == set()
