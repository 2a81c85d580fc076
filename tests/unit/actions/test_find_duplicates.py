"""Shows who counts as known, and who only as a candidate."""

from __future__ import annotations

import pytest

from actions.fakes import FakeContacts
from actions.find_duplicates import find_duplicates
from actions.ports import StoredContact
from streams.testing import check_atomic
from tests.suites.contacts import contact
from tests.unit.actions.examples import ANNA, ANNA_KEY, ORIGIN, validated
from topics.events import Candidate, Lead, LeadMatched


@pytest.fixture
def contacts() -> FakeContacts:
    known = (
        contact("anna", "+491701234567"),
        contact("ben", "+491701234567"),
        contact("carl", "+491709999999"),
    )
    return FakeContacts({each.contact_key: each for each in known})


async def test_a_known_email_is_the_same_person_and_a_shared_phone_a_candidate(
    contacts: FakeContacts,
) -> None:
    event = await find_duplicates(validated(contact_key="key of anna"), contacts=contacts)

    assert event == LeadMatched(
        lead_id="lead-1",
        contact_key="key of anna",
        verdict="same",
        rule="email",
        score=1.0,
        candidates=[Candidate(contact_id="id of ben", rule="phone", score=0.5)],
        origin=ORIGIN,
        lead=ANNA,
    )


async def test_a_shared_phone_alone_makes_no_same_person(contacts: FakeContacts) -> None:
    event = await find_duplicates(validated(contact_key="key of dora"), contacts=contacts)

    assert event == LeadMatched(
        lead_id="lead-1",
        contact_key="key of dora",
        verdict="new",
        rule="none",
        score=0.0,
        candidates=[
            Candidate(contact_id="id of anna", rule="phone", score=0.5),
            Candidate(contact_id="id of ben", rule="phone", score=0.5),
        ],
        origin=ORIGIN,
        lead=ANNA,
    )


async def test_without_an_email_the_phone_is_the_rule(contacts: FakeContacts) -> None:
    lead = Lead(phone="+491709999999")

    event = await find_duplicates(validated(lead, contact_key="key of carl"), contacts=contacts)

    assert (event.verdict, event.rule, event.candidates) == ("same", "phone", [])


async def test_without_a_phone_there_are_no_candidates(contacts: FakeContacts) -> None:
    lead = Lead(email="emil@example.com")

    event = await find_duplicates(validated(lead, contact_key="key of emil"), contacts=contacts)

    assert (event.verdict, event.candidates) == ("new", [])


def test_it_is_atomic() -> None:
    events = [validated(), validated(Lead(email="ben@example.com"), "key of ben")]
    given = [StoredContact(ANNA_KEY, "id of anna", {}, None, 1)]

    assert check_atomic(find_duplicates, events, given=given) >= 7
