"""The fast path for phone numbers never differs from the library."""

from __future__ import annotations

from random import Random

import phonenumbers
import pytest

from actions.normalise.phone_number import _parse
from actions.normalise.phone_plans import affirm

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
