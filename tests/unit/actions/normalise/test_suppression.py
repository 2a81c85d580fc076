"""Whom a suppression is about, and since when."""

from __future__ import annotations

import pytest

from actions.errors import PermanentError
from actions.fakes import FakeIdentity, FakeRules
from actions.normalise.suppression import Suppression, read_suppression
from tests.unit.actions.examples import ENVELOPE, TIME
from topics.events import ContactSuppressed

GIVEN = "2026-11-20T08:00:00Z"
FUTURE = "2062-01-01T00:00:00Z"


def read(**fields: object) -> Suppression:
    event = ContactSuppressed.model_validate({"reason": "unsubscribed"} | fields)
    return read_suppression(event, ENVELOPE, FakeIdentity(), FakeRules())


@pytest.mark.parametrize(
    "email", ["ada@example.com", " Ada@Example.COM", "mailto:ada@example.com", "Ada <ada@example.com>"]
)
def test_an_e_mail_in_any_spelling_names_the_person(email: str) -> None:
    assert read(email=email).contact_key == "key of ada@example.com"


def test_the_e_mail_counts_before_the_phone_as_in_a_lead() -> None:
    assert read(phone="+49 170 1234567").contact_key == "key of +491701234567"
    assert read(email="ada@example.com", phone="nonsense").contact_key == "key of ada@example.com"


def test_its_time_is_its_own_else_the_event_s_and_never_in_the_future() -> None:
    assert read(email="ada@example.com", time=GIVEN).time == "2026-11-20T08:00:00.000000Z"
    assert read(email="ada@example.com").time == TIME
    recorded = ENVELOPE._replace(record_ms=1_795_000_000_000)
    event = ContactSuppressed(email="ada@example.com", reason="operator", time=FUTURE)
    limited = read_suppression(event, recorded, FakeIdentity(), FakeRules()).time
    assert limited == recorded.latest_time
    assert limited < FUTURE


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"email": "no address"}, "EMAIL_INVALID"),
        ({"phone": "12"}, "PHONE_INVALID"),
        ({}, "CONTACT_MISSING"),
        ({"email": " "}, "CONTACT_MISSING"),
    ],
)
def test_a_no_of_nobody_who_can_be_recognised_waits_for_a_person(
    fields: dict[str, object], code: str
) -> None:
    with pytest.raises(PermanentError) as raised:
        read(**fields)

    assert raised.value.code.startswith(code.partition("_")[0])
