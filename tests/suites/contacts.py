"""Test what every adapter of the port Contacts must do; subclasses provide the fixture `store`."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pytest

from actions.ports import Contacts, FieldValue, StoredContact
from topics.events import Candidate


class ContactsStore(Protocol):
    """Opens the port for one action after the other."""

    def action(self) -> AbstractAsyncContextManager[Contacts]:
        """Open one action, whose saves count when it succeeds and are discarded when it raises."""
        ...


class Failure(Exception):
    """The error of an action that fails."""


def contact(name: str, phone: str | None = None, **fields: object) -> StoredContact:
    values = {"email": f"{name}@example.com", "phone": phone} | fields
    return StoredContact(
        contact_key=f"key of {name}",
        contact_id=f"id of {name}",
        fields={
            field: FieldValue(
                value=value, source="/web", time="2026-11-23T20:15:00.000000Z", event_id=f"event of {name}"
            )
            for field, value in values.items()
            if value is not None
        },
        revision=1,
    )


async def saved(store: ContactsStore, *contacts: StoredContact) -> None:
    for each in contacts:
        async with store.action() as port:
            await port.save(each)


async def failed(store: ContactsStore, *contacts: StoredContact) -> None:
    async with store.action() as port:
        for each in contacts:
            await port.save(each)
        raise Failure


async def kept(store: ContactsStore, contact_key: str) -> StoredContact | None:
    async with store.action() as port:
        return await port.get(contact_key)


class ContactsSuite:
    async def test_a_contact_nobody_saved_is_not_there(self, store: ContactsStore) -> None:
        assert await kept(store, "key of nobody") is None

    async def test_a_saved_contact_comes_back_whole(self, store: ContactsStore) -> None:
        anna = StoredContact(
            contact_key="key of anna",
            contact_id="id of anna",
            fields={
                "email": FieldValue(
                    value="anna@example.com", source="/web", time="2026-01-01T00:00:00.000001Z", event_id="e1"
                ),
                "name": FieldValue(
                    value={"name": "Anna Ñandú", "first_name": "Anna"},
                    source="/fair",
                    time="2026-01-02T00:00:00.000000Z",
                    event_id="e2",
                ),
                "attributes.budget": FieldValue(
                    value=25_000, source="/fair", time="2026-01-02T00:00:00.000000Z", event_id="e2"
                ),
                "attributes.is_vip": FieldValue(
                    value=False, source="/fair", time="2026-01-02T00:00:00.000000Z", event_id="e2"
                ),
            },
            owner_id="kim",
            revision=7,
        )

        await saved(store, anna)

        assert await kept(store, "key of anna") == anna

    async def test_the_later_save_replaces_the_earlier(self, store: ContactsStore) -> None:
        later = contact("anna", company="Later GmbH")

        await saved(store, contact("anna", company="Earlier GmbH", city="Ulm"), later)

        assert await kept(store, "key of anna") == later

    async def test_what_a_failed_action_saved_is_gone(self, store: ContactsStore) -> None:
        before = contact("anna", company="Before GmbH")
        await saved(store, before)

        with pytest.raises(Failure):
            await failed(store, contact("anna", company="After GmbH"), contact("ben"))

        assert (await kept(store, "key of anna"), await kept(store, "key of ben")) == (before, None)

    async def test_contacts_with_the_phone_are_listed_besides_the_one_that_asks(
        self, store: ContactsStore
    ) -> None:
        await saved(
            store,
            contact("ben", "+491701234567"),
            contact("anna", "+491701234567"),
            contact("carl", "+491701234568"),
            contact("dora"),
            contact("emil", "+491701234567"),
        )

        async with store.action() as port:
            candidates = await port.sharing_phone("+491701234567", besides="key of emil")

        assert list(candidates) == [
            Candidate(contact_id="id of anna", rule="phone", score=0.5),
            Candidate(contact_id="id of ben", rule="phone", score=0.5),
        ]

    async def test_a_contact_that_gave_up_the_phone_is_not_listed(self, store: ContactsStore) -> None:
        await saved(store, contact("anna", "+491701234567"), contact("anna", "+491701234568"))

        async with store.action() as port:
            candidates = await port.sharing_phone("+491701234567", besides="key of ben")

        assert list(candidates) == []

    async def test_ten_contacts_with_the_phone_are_enough(self, store: ContactsStore) -> None:
        await saved(store, *(contact(f"person-{number:02}", "+491701234567") for number in range(12)))

        async with store.action() as port:
            candidates = await port.sharing_phone("+491701234567", besides="key of person-00")

        assert [each.contact_id for each in candidates] == [
            f"id of person-{number:02}" for number in range(1, 11)
        ]
