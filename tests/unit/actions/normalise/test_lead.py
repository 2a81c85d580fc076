"""A whole lead: what one field means for another."""

from __future__ import annotations

import pytest

from actions.normalise.lead import read_lead
from topics.events import LeadReceived


def read(**fields: object) -> tuple[dict[str, object], list[str]]:
    lead, reasons = read_lead(LeadReceived.model_validate(fields), "US")
    kept = {name: value for name, value in lead.model_dump().items() if value not in (None, {})}
    return kept, [f"{reason.field} {reason.code}" for reason in reasons]


def test_a_phone_is_read_in_the_country_of_the_lead_else_in_the_default_region() -> None:
    assert read(phone="0170 1234567", country="Germany")[0]["phone"] == "+491701234567"
    assert read(phone="(650) 253-0000")[0]["phone"] == "+16502530000"


def test_an_unknown_country_is_the_only_reason_against_a_national_number() -> None:
    assert read(phone="0170 1234567", country="Narnia")[1] == ["country COUNTRY_UNKNOWN"]


def test_a_full_name_is_made_of_its_parts_and_a_given_one_stays() -> None:
    assert read(email="a@example.com", first_name="Ada", last_name="Lovelace")[0]["name"] == "Ada Lovelace"
    assert read(email="a@example.com", last_name="Lovelace")[0]["name"] == "Lovelace"
    assert read(email="a@example.com", name="A. L.", first_name="Ada")[0]["name"] == "A. L."


@pytest.mark.parametrize("fields", [{}, {"email": " "}, {"email": "", "phone": "\t"}])
def test_blank_contact_data_is_one_reason(fields: dict[str, str]) -> None:
    assert read(**fields)[1] == ["email CONTACT_MISSING"]


def test_a_bad_address_is_not_called_missing_as_well() -> None:
    _, reasons = read(email="no address")

    assert len(reasons) == 1
    assert reasons[0].startswith("email ")
    assert "CONTACT_MISSING" not in reasons[0]


def test_an_empty_consent_is_absent_and_a_bad_time_is_a_reason() -> None:
    assert "consent" not in read(email="a@example.com", consent={"text": " "})[0]
    assert read(email="a@example.com", consent={"time": "soon"})[1] == ["consent.time TIME_INVALID"]
