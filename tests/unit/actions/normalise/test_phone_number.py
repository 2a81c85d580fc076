"""Shows how phone numbers are read, and that the short way never differs from the library's."""

from __future__ import annotations

import unicodedata

import pytest

from actions.normalise.phone_number import normalise_phone
from actions.normalise.refused import Refused, Remarks


@pytest.mark.parametrize(
    ("typed", "region", "kept"),
    [
        ("+491701234567", None, "+491701234567"),
        ("+49 (0)170 1234567", "US", "+491701234567"),
        ("0170 1234567", "DE", "+491701234567"),
        ("0170/1234567", "DE", "+491701234567"),
        ("(030) 901820", "DE", "+4930901820"),
        ("0049 170 1234567", "DE", "+491701234567"),
        ("0049 170 1234567", "US", "+491701234567"),
        ("011 49 170 1234567", "US", "+491701234567"),
        ("1 650 253 0000", "US", "+16502530000"),
        ("Tel.: 0170-1234567", "DE", "+491701234567"),
        ("0170 1234567 ext. 12", "DE", "+491701234567"),
        ("(650) 253-0000 x123", "US", "+16502530000"),
        ("(650) 253-0000", "US", "+16502530000"),
        ("650.253.0000", "CA", "+16502530000"),
        ("1-800-FLOWERS", "US", "+18003569377"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("+44 (0)20 7946 0958", None, "+442079460958"),
        ("06 6982", "IT", "+39066982"),
        ("+39 06 6982", None, "+39066982"),
        ("01 42 68 53 00", "FR", "+33142685300"),
        ("044 668 18 00", "CH", "+41446681800"),
        ("612 34 56 78", "ES", "+34612345678"),
        ("8 (912) 345-67-89", "RU", "+79123456789"),
        ("03-1234-5678", "JP", "+81312345678"),
        ("(11) 96123-4567", "BR", "+5511961234567"),
        ("0412 345 678", "AU", "+61412345678"),
        ("098765 43210", "IN", "+919876543210"),
        ("０１７０ １２３４５６７", "DE", "+491701234567"),
        ("٠٥٠ ١٢٣ ٤٥٦٧", "AE", "+971501234567"),
        ("+800 1234 5678", None, "+80012345678"),
        ("", "DE", None),
        ("  ", "DE", None),
    ],
)
def test_a_number_has_one_spelling(typed: str, region: str | None, kept: str | None) -> None:
    assert normalise_phone(typed, region) == kept


@pytest.mark.parametrize(
    ("typed", "region", "complaint"),
    [
        ("call me", "DE", "has no digits"),
        ("12", "DE", "No such phone number can exist in the lead's country"),
        ("0170 12345678901234", "DE", "in the lead's country"),
        ("0170 1234567", None, "without a country"),
        ("+49 12", "DE", "No such phone number can exist; check its calling code"),
        ("+999 1234567", "DE", "check its calling code"),
        ("+1 555 000 0000", None, "check its calling code"),
        ("1" * 60, "DE", "in the lead's country"),
    ],
)
def test_an_impossible_number_is_refused(typed: str, region: str | None, complaint: str) -> None:
    with pytest.raises(Refused, match=complaint.replace("+", r"\+")) as refused:
        normalise_phone(typed, region)

    assert refused.value.code == "PHONE_INVALID"


def test_an_overlong_number_is_refused() -> None:
    with pytest.raises(Refused, match="has 101 characters; at most 100") as refused:
        normalise_phone("1" * 101, "DE")

    assert refused.value.code == "TOO_LONG"


@pytest.mark.parametrize(
    ("typed", "region", "number", "codes"),
    [
        (
            "030 123456 mobile",
            "DE",
            "+4930123456",
            ["LABEL_DROPPED"],
        ),  # letters were digits: +4930123456662453
        ("Tel.: 030 1234567 (Büro)", "DE", "+49301234567", ["LABEL_DROPPED"]),
        ("030 1234567/68", "DE", "+49301234567", ["PHONE_CUT"]),
        ("030 1234567/8/9", "DE", "+49301234567", ["PHONE_CUT"]),
        ("030 1234567-68", "DE", "+4930123456768", []),
        ("0170/1234567", "DE", "+491701234567", []),
        ("+49 30 1234567 ext. 12", "DE", "+49301234567", ["EXTENSION_DROPPED"]),
        ("34612345678", "ES", "+34612345678", ["PLUS_ADDED"]),  # valid with its calling code alone
        ("491701234567.0", "US", "+491701234567", ["UNWRAPPED", "PLUS_ADDED"]),
        ('="01701234567"', "DE", "+491701234567", []),
        ("tel:+49-170-1234567", "US", "+491701234567", []),
        ("p:+491701234567", "US", "+491701234567", ["LABEL_DROPPED"]),
        ("０１７０ １２３４５６７", "DE", "+491701234567", []),
        ("٠١٧٠١٢٣٤٥٦٧", "DE", "+491701234567", []),
        ("1-800-FLOWERS", "US", "+18003569377", []),
        ("(321) 555-0123", "US", "+13215550123", []),  # +32 15550123 is a Belgian number
        ("321-555-0123", "US", "+13215550123", []),
    ],
)
def test_what_stands_around_a_number_is_taken_off_and_told(
    typed: str, region: str, number: str, codes: list[str]
) -> None:
    remarks: Remarks = []

    assert normalise_phone(typed, region, remarks) == number
    assert [remark.code for remark in remarks] == codes


@pytest.mark.parametrize(
    ("typed", "region", "code"),
    [
        ("491701234567", "DE", "PHONE_AMBIGUOUS"),
        ("447911123456", "DE", "PHONE_AMBIGUOUS"),
        ("491701234567.0", "DE", "PHONE_AMBIGUOUS"),
        ("32 15 55 01 23", "US", "PHONE_AMBIGUOUS"),
        ("4.91701E+11", "DE", "PHONE_SHORTENED"),
        ("4,91701E+11", "DE", "PHONE_SHORTENED"),
        ("0170 1234567 / 0171 7654321", "DE", "SEVERAL_PHONES"),
        ("0170 1234567, 0171 7654321", "DE", "SEVERAL_PHONES"),
        ("+49 170 1234567 or 0171 7654321", "DE", "SEVERAL_PHONES"),
        ("+491701234567+491717654321", "DE", "SEVERAL_PHONES"),
        ("030 CALL ME NOW", "DE", "PHONE_INVALID"),
        ("0800 123456 mobile", "DE", "PHONE_INVALID"),
    ],
)
def test_a_number_that_can_be_read_in_two_ways_is_never_guessed(typed: str, region: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        normalise_phone(typed, region)

    assert refused.value.code == code


def test_invisible_characters_and_spaces_of_every_width_do_not_change_a_number() -> None:
    kinds = [chr(code) for code in range(0x11000) if unicodedata.category(chr(code)) in ("Zs", "Cf")]

    misread = [
        f"U+{ord(kind):04X}"
        for kind in kinds
        if normalise_phone(f"{kind}0170{kind}123{kind}4567{kind}", "DE") != "+491701234567"
    ]

    assert len(kinds) > 40
    assert misread == []
