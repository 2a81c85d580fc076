"""Shows who gets a contact."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.assign_owner import assign_owner
from actions.errors import PermanentError
from actions.fakes import FakeContacts, FakeRoster
from actions.ports import StoredContact
from streams.testing import check_atomic
from tests.unit.actions.examples import ANNA_KEY, CONTACT, KIM, LOU, upserted
from topics.events import LeadAssigned

STORED = StoredContact(ANNA_KEY, f"id of {ANNA_KEY}", revision=3)


def stored(*contacts: StoredContact) -> FakeContacts:
    return FakeContacts({contact.contact_key: contact for contact in contacts})


async def test_a_contact_without_owner_goes_to_the_next_in_turn() -> None:
    contacts, roster = stored(STORED), FakeRoster([KIM, LOU], turns=3)

    event = await assign_owner(upserted(), contacts=contacts, roster=roster)

    assert event == LeadAssigned(
        lead_id="lead-1",
        contact_key=ANNA_KEY,
        contact_id=f"id of {ANNA_KEY}",
        owner=LOU,
        strategy="round-robin",
        candidates=["kim", "lou"],
        reason="The contact had no owner; turn 3 of the round is lou's.",
        turn=3,
        contact=CONTACT,
        source="web-form",
        message="Please call me.",
    )
    assert contacts.kept == {ANNA_KEY: replace(STORED, owner_id="lou")}


async def test_a_contact_keeps_its_owner_and_takes_no_turn() -> None:
    contacts, roster = stored(replace(STORED, owner_id="kim")), FakeRoster([KIM, LOU], turns=3)

    event = await assign_owner(upserted(), contacts=contacts, roster=roster)

    assert (event.owner, event.strategy, event.candidates) == (KIM, "existing", ["kim"])
    assert (event.reason, event.turn) == ("The contact already belongs to kim.", None)
    assert (roster.turns, contacts.saves) == (3, 0)


async def test_a_contact_whose_owner_left_goes_to_the_next_in_turn() -> None:
    contacts, roster = stored(replace(STORED, owner_id="max")), FakeRoster([KIM, LOU])

    event = await assign_owner(upserted(), contacts=contacts, roster=roster)

    assert (event.owner, event.strategy) == (KIM, "round-robin")
    assert event.reason == "Its owner max is no longer on the roster; turn 0 of the round is kim's."
    assert contacts.kept[ANNA_KEY].owner_id == "kim"


async def test_turns_go_round_evenly() -> None:
    keys = [f"key {number}" for number in range(6)]
    contacts, roster = stored(*(StoredContact(key, f"id of {key}") for key in keys)), FakeRoster([KIM, LOU])

    owners = [(await assign_owner(upserted(key), contacts=contacts, roster=roster)).owner for key in keys]

    assert owners == [KIM, LOU] * 3


async def test_a_contact_that_is_not_stored_is_refused() -> None:
    with pytest.raises(PermanentError, match="is not in the store") as refused:
        await assign_owner(upserted(), contacts=FakeContacts(), roster=FakeRoster([KIM]))

    assert refused.value.code == "CONTACT_MISSING"


async def test_an_empty_roster_is_refused() -> None:
    with pytest.raises(PermanentError, match=r"add \[\[owners\]\] to leads\.toml") as refused:
        await assign_owner(upserted(), contacts=stored(STORED), roster=FakeRoster([]))

    assert refused.value.code == "ROSTER_EMPTY"


def test_it_is_atomic() -> None:
    events = [upserted(), upserted(), upserted("key of nobody")]
    given = [StoredContact(ANNA_KEY, "id of anna", {}, None, 1)]

    assert check_atomic(assign_owner, events, given=given) >= 7
