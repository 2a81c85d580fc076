"""Records that a person must not be written to."""

from __future__ import annotations

import itertools

import pytest

from actions.errors import PermanentError
from actions.fakes import FakeIdentity, FakeRules, FakeSuppressions
from actions.suppress_contact import suppress_contact
from streams.testing import check_atomic
from tests.unit.actions.examples import ENVELOPE, TIME
from topics.events import ContactSuppressed, Suppressing, SuppressionRecorded

KEY = "key of ada@example.com"


async def suppressed(event: ContactSuppressed, into: FakeSuppressions) -> SuppressionRecorded:
    return await suppress_contact(
        event, envelope=ENVELOPE, identity=FakeIdentity(), rules=FakeRules(), suppressions=into
    )


async def test_it_keeps_the_reason_under_the_person_s_key() -> None:
    kept = FakeSuppressions()

    event = await suppressed(ContactSuppressed(email="Ada@Example.com", reason="unsubscribed"), kept)

    assert event == SuppressionRecorded(lead_id="event-1", contact_key=KEY, reason="unsubscribed", time=TIME)
    assert kept.kept == {(KEY, "unsubscribed"): TIME}


async def test_in_any_order_the_latest_moment_of_each_reason_stays() -> None:
    said: list[tuple[Suppressing, str]] = [
        ("bounced", "2026-11-21"),
        ("lifted", "2026-11-22"),
        ("bounced", "2026-11-23"),
    ]
    events = [
        ContactSuppressed(email="ada@example.com", reason=reason, time=f"{day}T08:00:00Z")
        for reason, day in said
    ]
    found = []
    for order in itertools.permutations(events):
        kept = FakeSuppressions()
        for event in order:
            await suppressed(event, kept)
        found.append(kept.kept)

    assert all(each == found[0] for each in found)
    assert found[0][KEY, "bounced"].startswith("2026-11-23")


async def test_nothing_is_kept_of_a_person_who_cannot_be_recognised() -> None:
    kept = FakeSuppressions()

    with pytest.raises(PermanentError):
        await suppressed(ContactSuppressed(email="no address", reason="unsubscribed"), kept)

    assert kept.kept == {}


def test_it_is_atomic() -> None:
    events = [
        ContactSuppressed(email="ada@example.com", reason="bounced"),
        ContactSuppressed(phone="+49 170 1234567", reason="lifted"),
    ]

    assert check_atomic(suppress_contact, events) >= 2
