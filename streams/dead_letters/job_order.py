"""This file says which letters a job may ask for beside those under way, so that all comes in the order of the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from streams.store.jobs import ItemRow
from streams.store.ledger import LedgerRow


class _Flow(NamedTuple):
    ids: frozenset[bytes]
    since: float


class BusyContacts:
    """Contacts about which something still follows of letters that have their outcome.

    Until that is done, what a letter about them comes to is not what the plan says: it would be left out.
    """

    def __init__(self, patience_s: float) -> None:
        """What has not come after so long is waited for no more."""
        self._patience_s = patience_s
        self._flows: dict[str, _Flow] = {}

    def begin(self, item: ItemRow, now: float) -> None:
        """Say that a letter has succeeded at this moment (seconds)."""
        contact, ids = item.planned["contact"], item.planned["follows"]
        if contact is not None and ids:
            self._flows[contact] = _Flow(frozenset(bytes.fromhex(each.replace("-", "")) for each in ids), now)

    def about(self, waiting: Iterable[ItemRow]) -> dict[str, frozenset[bytes]]:
        """Give the contacts of these letters about which something follows, and what the ledger knows that by."""
        contacts = {item.planned["contact"] for item in waiting} & self._flows.keys()
        return {contact: self._flows[contact].ids for contact in contacts}

    def still(self, contacts: Iterable[str], rows: Mapping[bytes, LedgerRow], now: float) -> set[str]:
        """Give those of these contacts for which it goes on, as these rows of the ledger tell."""
        return {contact for contact in contacts if self._goes_on(contact, rows, now)}

    def _goes_on(self, contact: str, rows: Mapping[bytes, LedgerRow], now: float) -> bool:
        flow = self._flows[contact]
        found = [rows[each] for each in flow.ids if each in rows]
        has_failed = any(not row.is_done for row in found)  # what would come after that does not
        if has_failed or len(found) == len(flow.ids) or now - flow.since > self._patience_s:
            del self._flows[contact]
            return False
        return True


def in_order(
    waiting: Sequence[ItemRow], asked: Iterable[ItemRow], flowing: Iterable[str], most: int
) -> list[ItemRow]:
    """Give at most so many letters to ask for, in the plan's order.

    One at a time are letters whose action takes an owner's turn. A letter about a contact waits until all that follows
    of an earlier one about the same is done: requests are in order within a partition alone, and two leads of one
    person may come in two of them.
    """
    under_way = list(asked)
    is_turn_taken = any(_takes_turn(item) for item in under_way)
    busy = {*flowing, *(contact for item in under_way if (contact := _followed(item)) is not None)}
    chosen: list[ItemRow] = []
    for item in waiting:
        if len(chosen) == most:
            break
        if _takes_turn(item):
            if is_turn_taken:
                break
            is_turn_taken = True
        if item.planned["contact"] in busy:
            continue
        chosen.append(item)
        if (contact := _followed(item)) is not None:
            busy.add(contact)
    return chosen


def _takes_turn(item: ItemRow) -> bool:
    return bool(item.planned["would"].get("is_new_owner"))


def _followed(item: ItemRow) -> str | None:
    contact: str | None = item.planned["contact"]
    return contact if item.planned["follows"] else None
