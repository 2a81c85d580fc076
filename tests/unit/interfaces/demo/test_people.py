"""The demo's people can exist, differ, and are the same every time."""

from __future__ import annotations

from itertools import islice
from random import Random

from actions.normalise.country import normalise_country
from actions.normalise.email_address import normalise_email
from actions.normalise.phone_number import normalise_phone
from streams.interfaces.demo.people import COUNTRIES, People, Person


def some(count: int) -> list[Person]:
    people = People(Random(7))
    return list(islice(iter(people.next, None), count))


def test_no_two_people_share_an_address_or_a_phone_and_a_seed_repeats_them() -> None:
    people = some(200)

    assert len({person.email for person in people}) == len({person.phone for person in people}) == 200
    assert people == some(200)


def test_every_spelling_is_read_as_the_same_address_and_phone() -> None:
    for person in some(60):
        assert {normalise_email(person.email_as(style)) for style in range(4)} == {person.email}
        spoken = [normalise_phone(person.phone_as(style), person.country.code) for style in (0, 1, 3)]
        assert set(spoken) == {person.phone}


def test_every_spelling_of_a_country_is_understood() -> None:
    for country in COUNTRIES:
        assert {normalise_country(spelling) for spelling in country.spellings} == {country.code}
