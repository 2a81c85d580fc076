"""One list of made-up people of whom everything is known."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

import phonenumbers

from tests.support.exports.places import BY_CODE, COUNTRIES, Country, Range

Answer = Literal["yes", "no", "none given"]

COUNT = 500
SHARING = 60
"""So many people share the telephone of their office with one colleague."""

SHORTEST_LOCAL = 6
"""So many digits or more are a number of their own within an area; it begins with neither 0 nor 1."""

_LETTERS = str.maketrans({"ß": "ss", "ł": "l", "Ł": "L", "ı": "i", "œ": "oe", "Œ": "Oe"})


@dataclass(frozen=True, slots=True)
class Latin:
    """A person's texts in ASCII, for files whose encoding cannot write the person's own letters."""

    first_name: str
    last_name: str
    city: str
    company: str
    job_title: str


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up person: what is written here is true, an empty text means that there is nothing to know.

    `phone` is E.164, `country` ISO 3166-1 alpha-2, `language` BCP 47. `email` is unique and lower-case.
    """

    first_name: str
    last_name: str
    email: str
    phone: str
    country: str
    city: str
    company: str
    job_title: str
    language: str
    website: str
    consent: Answer
    created: datetime
    latin: Latin


def people(seed: int, count: int = COUNT) -> list[Person]:
    """Return `count` people, the same ones for the same seed."""
    rng = Random(f"people/{seed}")
    emails: set[str] = set()
    phones: set[str] = set()
    several = [
        _person(rng, country, emails, phones)
        for country in rng.choices(COUNTRIES, [country.people for country in COUNTRIES], k=count)
    ]
    return _with_colleagues(several, rng, emails, phones)


def _person(rng: Random, country: Country, emails: set[str], phones: set[str]) -> Person:
    first, latin_first = _one_of(country.first_names, rng)
    last, latin_last = _one_of(country.last_names, rng)
    city, latin_city = _one_of(country.cities, rng)
    company, latin_company = _one_of(country.companies, rng)
    company, latin_company = company.format(last), latin_company.format(latin_last)
    post, latin_post = _one_of(country.posts, rng) if rng.random() < 0.85 else ("", "")
    house = _house(latin_company, country)
    return Person(
        first_name=first,
        last_name=last,
        email=_email(rng, latin_first, latin_last, house, emails),
        phone=_phone(rng, rng.choice(country.ranges), country, phones) if rng.random() < 0.92 else "",
        country=country.code,
        city=city,
        company=company,
        job_title=post,
        language="en" if rng.random() < 0.1 else rng.choice(country.languages),
        website=f"https://www.{house}" if rng.random() < 0.6 else "",
        consent=rng.choices(("yes", "no", "none given"), (45, 20, 35))[0],
        created=datetime(2024, 1, 8, 7, tzinfo=UTC) + timedelta(seconds=rng.randrange(86_400 * 900)),
        latin=Latin(latin_first, latin_last, latin_city, latin_company, latin_post),
    )


def _with_colleagues(several: list[Person], rng: Random, emails: set[str], phones: set[str]) -> list[Person]:
    """Let pairs of neighbours of one country work in one office, with one telephone for both."""
    made = list(several)
    free = list(range(len(made)))
    rng.shuffle(free)
    wanted = min(SHARING, len(made) // 4) // 2
    while wanted:
        one = free.pop()
        other = next((at for at in free if made[at].country == made[one].country), None)
        if other is None:
            continue
        free.remove(other)
        country = BY_CODE[made[one].country]
        office = _phone(rng, country.ranges[-1], country, phones)
        first = replace(made[one], phone=office)
        second = made[other]
        house = first.email.partition("@")[2]
        emails.discard(second.email)
        made[one] = first
        made[other] = replace(
            second,
            phone=office,
            email=_email(rng, second.latin.first_name, second.latin.last_name, house, emails),
            company=first.company,
            website=first.website,
            city=first.city,
            latin=replace(second.latin, company=first.latin.company, city=first.latin.city),
        )
        wanted -= 1
    return made


def to_ascii(text: str) -> str:
    """Return the text without the marks on its letters; raise UnicodeEncodeError for other scripts."""
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).encode("ascii").decode()


def _one_of(choices: str, rng: Random) -> tuple[str, str]:
    native, _, latin = rng.choice(choices.split("|")).partition("=")
    return native, latin or to_ascii(native)


def _email(rng: Random, first: str, last: str, house: str, taken: set[str]) -> str:
    given = re.sub(r"[^a-z-]", "", first.lower())
    family = re.sub(r"[^a-z'-]", "", last.lower()).strip("'")
    patterns = (
        f"{given}.{family}",
        f"{given[0]}.{family}",
        f"{given}_{family}",
        f"{family}",
        f"{given}{family}",
    )
    local = rng.choice(patterns)
    if rng.random() < 0.06:
        local += rng.choice(("+crm", "+news", "+2026"))
    domain = house if rng.random() < 0.75 else rng.choice(("example.com", "example.org", "example.net"))
    name, tag, rest = local.partition("+")
    email, number = f"{local}@{domain}", 1
    while email in taken:
        number += 1
        email = f"{name}{number}{tag}{rest}@{domain}"
    taken.add(email)
    return email


def _phone(rng: Random, numbers: Range, country: Country, taken: set[str]) -> str:
    """Return a number that is assigned in this country; some of a range may be an island's."""
    while True:
        digits = "".join(rng.choices("0123456789", k=numbers.digits))
        if numbers.digits >= SHORTEST_LOCAL and digits[0] in "01":
            continue
        number = numbers.prefix + digits
        parsed = phonenumbers.parse(number)
        if number not in taken and phonenumbers.is_valid_number_for_region(parsed, country.code):
            taken.add(number)
            return number


def _house(company: str, country: Country) -> str:
    label = re.sub(r"[^a-z0-9]+", "-", company.lower()).strip("-")
    return f"{label}.{country.code.lower()}.{'example.com' if len(label) % 2 else 'example.org'}"
