"""Faults by which a contact and its events disagree."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from streams.operations.verify.findings import Kind
from tests.unit.operations.verify.history import (
    CONTACT,
    History,
)
from tests.unit.operations.verify.planting import Plant, Planted, assert_named, each, fault_in

FAULTS: list[Planted] = []
fault = partial(fault_in, FAULTS)


def an_owner(owner_id: str | None, history: History) -> str:
    history.contacts[0] = replace(history.contacts[0], owner_id=owner_id)
    return CONTACT


@fault("inconsistent", "ContactUpserted, but no contact")
def a_contact_that_is_not_there(history: History) -> str:
    history.contacts.clear()
    return CONTACT


@fault("inconsistent", "a contact whose last change has no event")
def a_contact_that_no_event_is_about(history: History) -> str:
    history.contacts.append(
        replace(history.contacts[0], contact_key="x", contact_id="contact-x", email="x@x.example")
    )
    return "contact-x"


@fault("inconsistent", "the contact is older than its newest event")
def a_contact_that_is_older_than_its_events(history: History) -> str:
    history.contacts[0] = replace(history.contacts[0], revision=0)
    return CONTACT


@fault("inconsistent", "LeadAssigned, but the contact has not this owner")
def a_contact_of_another_owner(history: History) -> str:
    return an_owner("bob", history)


@fault("inconsistent", "LeadAssigned, but the contact has not this owner")
def a_contact_without_the_owner_it_was_given(history: History) -> str:
    return an_owner(None, history)


@each(FAULTS)
async def test_contacts_faults_are_named_with_their_ids_and_without_personal_data(
    history: History, plant: Plant, kind: Kind, what: str
) -> None:
    await assert_named(history, plant, kind, what)
