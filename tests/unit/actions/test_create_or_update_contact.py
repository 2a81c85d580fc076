"""Shows what a lead does to its contact."""

from __future__ import annotations

from itertools import permutations

from actions.create_or_update_contact import create_or_update_contact
from actions.fakes import FakeContacts, FakeIdentity
from actions.ports import FieldValue, StoredContact
from streams.testing import check_atomic
from tests.unit.actions.examples import ANNA, ANNA_KEY, CONTACT, matched, origin
from topics import ids
from topics.events import Contact, ContactUpserted, Lead

ANNA_ID = ids.contact_id(ANNA_KEY)
FIRST = origin("e1", "2026-01-01T00:00:00.000000Z")
SECOND = origin("e2", "2026-01-02T00:00:00.000000Z")
THIRD = origin("e3", "2026-01-03T00:00:00.000000Z")


async def test_an_unknown_contact_is_created() -> None:
    contacts = FakeContacts()
    lead = ANNA.model_copy(update={"source": "web-form", "message": "Please call me."})

    event = await create_or_update_contact(
        matched(lead, origin=FIRST), contacts=contacts, identity=FakeIdentity()
    )

    assert event == ContactUpserted(
        lead_id="lead-1",
        contact_key=ANNA_KEY,
        contact_id=ANNA_ID,
        outcome="created",
        changed=["email", "name", "phone"],
        revision=1,
        contact=CONTACT,
        source="web-form",
        message="Please call me.",
    )
    assert contacts.kept[ANNA_KEY] == StoredContact(
        contact_key=ANNA_KEY,
        contact_id=ANNA_ID,
        fields={
            name: FieldValue(value=value, source="/web", time=FIRST.time, event_id="e1")
            for name, value in (
                ("email", "anna@example.com"),
                ("phone", "+491701234567"),
                ("name", {"name": "Anna Schmidt"}),
            )
        },
        owner_id=None,
        revision=1,
    )


async def test_a_later_lead_updates_the_fields_it_has_and_keeps_the_owner() -> None:
    contacts = FakeContacts()
    await create_or_update_contact(matched(origin=FIRST), contacts=contacts, identity=FakeIdentity())
    contacts.kept[ANNA_KEY] = StoredContact(
        ANNA_KEY, ANNA_ID, contacts.kept[ANNA_KEY].fields, owner_id="kim", revision=1
    )
    lead = Lead(email="anna@example.com", name="Anna Berg", last_name="Berg", attributes={"budget": 1})

    event = await create_or_update_contact(
        matched(lead, origin=SECOND, lead_id="lead-2"), contacts=contacts, identity=FakeIdentity()
    )

    assert event == ContactUpserted(
        lead_id="lead-2",
        contact_key=ANNA_KEY,
        contact_id=ANNA_ID,
        outcome="updated",
        changed=["attributes.budget", "last_name", "name"],
        revision=2,
        contact=Contact(
            email="anna@example.com",
            phone="+491701234567",
            name="Anna Berg",
            last_name="Berg",
            attributes={"budget": 1},
        ),
    )
    assert contacts.kept[ANNA_KEY].owner_id == "kim"


async def test_the_same_event_again_changes_and_saves_nothing() -> None:
    contacts = FakeContacts()
    await create_or_update_contact(matched(origin=FIRST), contacts=contacts, identity=FakeIdentity())

    event = await create_or_update_contact(matched(origin=FIRST), contacts=contacts, identity=FakeIdentity())

    assert (event.outcome, event.changed, event.revision, contacts.saves) == ("unchanged", [], 1, 1)


async def test_an_older_event_fills_gaps_and_overwrites_nothing() -> None:
    contacts = FakeContacts()
    await create_or_update_contact(matched(origin=SECOND), contacts=contacts, identity=FakeIdentity())
    late = Lead(email="anna@example.com", name="Old Name", city="Ulm")

    event = await create_or_update_contact(
        matched(late, origin=FIRST), contacts=contacts, identity=FakeIdentity()
    )

    assert (event.outcome, event.changed, event.revision) == ("updated", ["city"], 2)
    assert event.contact == CONTACT.model_copy(update={"city": "Ulm"})


async def test_a_value_confirmed_later_counts_as_that_late_but_is_no_change() -> None:
    contacts = FakeContacts()
    await create_or_update_contact(matched(origin=FIRST), contacts=contacts, identity=FakeIdentity())

    confirmed = await create_or_update_contact(
        matched(origin=THIRD), contacts=contacts, identity=FakeIdentity()
    )
    between = Lead(email="anna@example.com", name="Name Between")
    overtaken = await create_or_update_contact(
        matched(between, origin=SECOND), contacts=contacts, identity=FakeIdentity()
    )

    assert (confirmed.outcome, confirmed.changed, confirmed.revision) == ("unchanged", [], 1)
    assert (overtaken.outcome, overtaken.revision, overtaken.contact) == ("unchanged", 1, CONTACT)
    assert contacts.kept[ANNA_KEY].fields["name"].time == THIRD.time


async def test_one_and_true_are_different_values() -> None:
    contacts = FakeContacts()
    one, true = (Lead(email="anna@example.com", attributes={"vip": value}) for value in (1, True))
    await create_or_update_contact(matched(one, origin=FIRST), contacts=contacts, identity=FakeIdentity())

    event = await create_or_update_contact(
        matched(true, origin=SECOND), contacts=contacts, identity=FakeIdentity()
    )

    assert (event.outcome, event.changed) == ("updated", ["attributes.vip"])
    assert event.contact.attributes["vip"] is True


async def test_any_order_and_repetition_of_leads_ends_in_the_same_contact() -> None:
    leads = [
        matched(Lead(email="anna@example.com", name="Anna", city="Ulm"), origin=FIRST),
        matched(Lead(email="anna@example.com", company="Berg AG", attributes={"budget": 1}), origin=SECOND),
        matched(Lead(email="anna@example.com", city="Bonn", attributes={"budget": 2}), origin=THIRD),
    ]

    ends = []
    for order in permutations(leads):
        contacts = FakeContacts()
        for lead in (*order, order[0], order[0]):
            await create_or_update_contact(lead, contacts=contacts, identity=FakeIdentity())
        ends.append(contacts.kept[ANNA_KEY].fields)

    assert ends == [ends[0]] * len(ends)


def test_it_is_atomic() -> None:
    events = [matched(), matched(ANNA.model_copy(update={"city": "Ulm"}))]

    assert check_atomic(create_or_update_contact, events) >= 7
