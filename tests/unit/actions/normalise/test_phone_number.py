"""Shows how phone numbers are read, and that the short way never differs from the library's."""

from __future__ import annotations

from random import Random

import phonenumbers
import pytest

from actions.normalise.phone_number import _parse, normalise_phone
from actions.normalise.phone_plans import affirm
from actions.normalise.refused import Refused


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
        ("0170 1234567 / 030 901820", "DE", "in the lead's country"),
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


REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
FORMATS = (
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.NATIONAL,
)


def spellings(random: Random) -> list[tuple[str, str | None]]:
    """Return an example of every kind of number of every region, as people write it and slightly wrong."""
    found: list[tuple[str, str | None]] = []
    for region in REGIONS:
        for kind in phonenumbers.PhoneNumberType.values():
            number = phonenumbers.example_number_for_type(region, kind)
            if number is None:
                continue
            for layout in FORMATS:
                text = phonenumbers.format_number(number, layout)
                found += [(text, region), (text, None), (text, random.choice(REGIONS))]
                found.append((wrong(text, random), region))
    return found


def wrong(text: str, random: Random) -> str:
    place = random.randrange(len(text))
    return text[:place] + random.choice(["", "0", "1", "9", " ", "(0)", text[place] * 2]) + text[place + 1 :]


def test_the_fast_path_agrees_with_the_library_for_every_region_and_kind() -> None:
    numbers = spellings(Random(20261123))

    settled = {(text, region): affirm(text, region) for text, region in numbers}

    differing = {
        asked: (short, _parse(*asked))
        for asked, short in settled.items()
        if short and short != _parse(*asked)
    }
    assert differing == {}


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("358221093", "AX"),  # begins with the region's own calling code
        ("006272210", "RW"),  # begins with what is dialled to call abroad
        ("00801663499", "QA"),
    ],
)
def test_the_short_way_leaves_to_the_library_what_can_be_dialled_in_two_ways(text: str, region: str) -> None:
    assert affirm(text, region) is None


def test_the_short_way_settles_most_numbers() -> None:
    valid = [
        (text, region) for text, region in spellings(Random(1)) if text[0] == "+" and _parse(text, region)
    ]

    settled = sum(affirm(text, region) is not None for text, region in valid)

    assert settled > 0.8 * len(valid)


def test_the_fast_path_agrees_with_the_library_for_random_digits() -> None:
    random = Random(20261123)
    differing = {}
    for _ in range(20_000):
        region = random.choice(REGIONS)
        code = str(phonenumbers.country_code_for_region(region))
        start = random.choice(["", "0", "00", "(", "+", f"+{code}", f"+{code} 0", code, "(0)"])
        text = start + "".join(random.choices("0123456789", k=random.randrange(4, 14)))
        short = affirm(text, region)
        if short and short != _parse(text, region):
            differing[text, region] = short

    assert differing == {}
