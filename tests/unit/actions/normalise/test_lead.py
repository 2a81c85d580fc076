"""A whole lead: what one field means for another."""

from __future__ import annotations

import pytest

from actions.normalise.lead import read_lead
from topics.events import LeadReceived


def read(**fields: object) -> tuple[dict[str, object], list[str], list[str]]:
    lead, reasons, notes = read_lead(LeadReceived.model_validate(fields), "US")
    kept = {name: value for name, value in lead.model_dump().items() if value not in (None, {})}
    return (
        kept,
        [f"{reason.field} {reason.code}" for reason in reasons],
        [f"{note.field} {note.code}" for note in notes],
    )


def test_a_phone_is_read_in_the_country_of_the_lead_else_in_the_default_region() -> None:
    assert read(phone="0170 1234567", country="Germany")[0]["phone"] == "+491701234567"
    assert read(phone="(650) 253-0000")[0]["phone"] == "+16502530000"


def test_an_unknown_country_is_the_only_reason_against_a_national_number() -> None:
    assert read(phone="0170 1234567", country="Narnia")[1] == ["country COUNTRY_UNKNOWN"]


def test_a_full_name_is_made_of_its_parts_and_a_given_one_stays() -> None:
    assert read(email="a@example.com", first_name="Ada", last_name="Lovelace")[0]["name"] == "Ada Lovelace"
    assert read(email="a@example.com", last_name="Lovelace")[0]["name"] == "Lovelace"
    assert read(email="a@example.com", name="A. L.", first_name="Ada")[0]["name"] == "A. L."


@pytest.mark.parametrize(
    "fields", [{}, {"email": " "}, {"email": "", "phone": "\t"}, {"email": "N/A", "phone": "null"}]
)
def test_blank_contact_data_is_one_reason(fields: dict[str, str]) -> None:
    assert read(**fields)[1] == ["email CONTACT_MISSING"]


def test_a_bad_address_is_not_called_missing_as_well() -> None:
    reasons = read(email="no address")[1]

    assert len(reasons) == 1
    assert reasons[0].startswith("email ")
    assert "CONTACT_MISSING" not in reasons[0]


@pytest.mark.parametrize(
    "placeholder",
    [
        "NULL",
        "null",
        "{{first_name}}",
        "[not provided]",
        "N/A",
        "%FIRSTNAME%",
        "*|FNAME|*",
        "-",
        "None",
        "#REF!",
    ],
)
def test_a_placeholder_for_a_first_name_is_no_name_and_noted(placeholder: str) -> None:
    kept, _, notes = read(email="a@example.com", first_name=placeholder, last_name="Lovelace")

    assert (kept["name"], "first_name" in kept, notes) == ("Lovelace", False, ["first_name PLACEHOLDER"])


def test_null_is_a_family_name() -> None:
    assert read(email="a@example.com", first_name="Ada", last_name="Null")[0]["name"] == "Ada Null"
    assert read(email="a@example.com", first_name="Na", last_name="Nan")[0]["name"] == "Na Nan"
    assert read(email="a@example.com", first_name="JENNIFER", last_name="NULL")[0]["name"] == "JENNIFER NULL"
    assert read(email="a@example.com", first_name="Ada", last_name="NULL")[0]["name"] == "Ada"
    assert "name" not in read(email="a@example.com", first_name="NULL", last_name="NULL")[0]
    assert "name" not in read(email="a@example.com", name="NULL")[0]


def test_a_name_of_nothing_visible_is_absent_and_joiners_of_a_script_stay() -> None:
    assert read(email="a@example.com", first_name="\u200b") == ({"email": "a@example.com"}, [], [])
    assert read(email="a@example.com", name="A\u200bda")[0]["name"] == "Ada"
    persian = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    assert read(email="a@example.com", name=persian)[0]["name"] == persian
