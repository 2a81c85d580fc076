"""How people and products write one and the same value: e-mails, telephones, texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from random import Random

import phonenumbers

from tests.support.exports.people import Person
from tests.support.exports.places import BY_CODE
from tests.support.exports.truth import ABSENT, Expected

Cell = tuple[str, Expected]

NBSP, NARROW_NBSP, ZERO_WIDTH_SPACE, HYPHEN = "\u00a0", "\u202f", "\u200b", "\u2011"
TOO_LONG = 201
"""One character more than a job title may have."""

_DIALS_ZERO_IN_BRACKETS = {"DE", "AT", "CH", "GB", "NL", "FR", "IE"}
_WRITES_SLASHES = {"DE", "AT", "CH"}
_DIALS_00 = {"DE", "AT", "CH", "FR", "ES", "IT", "GB", "IE", "NL", "PL", "GR", "BG", "TR", "IN"}
_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


# ---- texts ----


def spelled_text(text: str, rng: Random) -> str:
    """Return the text, now and then with blanks and code points that are not part of it."""
    if not text:
        return text
    habits: tuple[Callable[[str], str], ...] = (
        lambda text: f"{text} ",
        lambda text: f"  {text}",
        lambda text: text.replace(" ", NBSP),
        lambda text: text.replace(" ", "  "),
        lambda text: f"{text}{NBSP}",
        lambda text: f"{text}{ZERO_WIDTH_SPACE}",
        lambda text: unicodedata.normalize("NFD", text),
    )
    return rng.choice(habits)(text) if rng.random() < 0.2 else text


def junk_name(rng: Random) -> str | None:
    """Return, for a few rows, what a system writes when it knows no name; else None."""
    if rng.random() < 0.05:
        return rng.choice(("NULL", "{{first_name}}", "[not provided]", "N/A", ZERO_WIDTH_SPACE))
    return None


def long_title(title: str) -> str:
    """Return a job title of one character too many."""
    return (f"{title} / " * TOO_LONG)[: TOO_LONG - 1] + "."


# ---- e-mails ----


def spelled_email(person: Person, rng: Random) -> Cell:
    """Return the person's e-mail as it stands in a cell; capitals before the @ may stay or not."""
    email = person.email
    local, _, domain = email.partition("@")
    as_written = _with_capitals(local, rng)
    capitals = f"{as_written}@{rng.choice((domain, domain.upper(), domain.capitalize()))}"
    habits = (
        (55, email),
        (12, capitals),
        (4, f"mailto:{email}"),
        (4, f"{person.first_name} {person.last_name} <{email}>"),
        (2, f"<{email}>"),
        (4, f"{email},"),
        (4, f" {email} "),
        (3, f"{email}{NBSP}"),
        (4, f"{email}{ZERO_WIDTH_SPACE}"),
        (4, local.translate(_FULL_WIDTH).replace("\uff07", "'") + "@" + domain),
    )
    text = rng.choices([text for _, text in habits], [weight for weight, _ in habits])[0]
    also = (f"{as_written}@{domain}",) if text == capitals else ()
    if "'" in text and rng.random() < 0.4:
        text = text.replace("'", "\u2019")
    return text, Expected(email, also=also)


def _with_capitals(local: str, rng: Random) -> str:
    return rng.choice((local.upper(), local.title(), local.capitalize()))


# ---- telephones ----


def spelled_phone(person: Person, rng: Random, *, country: Expected | None) -> Cell:
    """Return the person's telephone as it stands in a cell, and what may be read.

    `country` is what the row says about the country, None if it says nothing: without it, a national number
    cannot be read, and with a country that need not be understood, it need not be read.
    """
    if not person.phone:
        return rng.choices((("", ABSENT), ("N/A", ABSENT), ("-", ABSENT)), (8, 1, 1))[0]
    right, unsure = Expected(person.phone), Expected(person.phone, may_be_absent=True)
    is_read = country is not None and country.value is not None
    national = right if is_read and country is not None and not country.may_be_absent else unsure
    kinds = ("international", "national", "00", "bare", "odd", "shortened")
    match rng.choices(kinds, (50, 25 if is_read else 6, 8, 5, 5, 2))[0]:
        case "national":
            cell = _nationally(person, rng, national)
        case "00" if person.country in _DIALS_00:
            cell = "00" + _spaced(person, rng)[1:], national
        case "bare":
            cell = person.phone[1:], unsure
        case "odd":
            cell = _oddly(person, rng), unsure
        case "shortened":  # by a spreadsheet: the last digits are gone
            cell = f"{person.phone[1]}.{person.phone[2:7]}E+{len(person.phone) - 2}", ABSENT
        case _:
            cell = _internationally(person, rng), right
    return cell


def _internationally(person: Person, rng: Random) -> str:
    spaced = _spaced(person, rng)
    habits = [
        person.phone,
        spaced,
        spaced,
        f"tel:{spaced.replace(' ', '-')}",
        f"{person.phone}{ZERO_WIDTH_SPACE}",
    ]
    habits += [spaced.replace(" ", sign) for sign in (".", "-", NBSP, NARROW_NBSP, HYPHEN, "  ")]
    if person.country in _DIALS_ZERO_IN_BRACKETS:
        calling_code, area, rest = _parts(person)
        habits += [f"+{calling_code} (0) {area}/{rest}", f"+{calling_code} (0){area} {_grouped(rest)}"]
    if person.country in _WRITES_SLASHES:
        habits.append(spaced.replace(" ", "/", 1))
    if person.country == "JP":
        habits.append(spaced.replace(" ", "-").translate(_FULL_WIDTH))
    return rng.choice(habits)


def _nationally(person: Person, rng: Random, expected: Expected) -> Cell:
    _, area, rest = _parts(person)
    dialled = BY_CODE[person.country].trunk + area
    habits = [
        f"{dialled} {_grouped(rest)}",
        f"({dialled}) {_grouped(rest, '-')}",
        f"{dialled}.{_grouped(rest, '.')}",
        f"{dialled}{NARROW_NBSP}{_grouped(rest, NARROW_NBSP)}",
        f"{dialled}{rest}",
    ]
    if person.country in _WRITES_SLASHES:
        habits += [f"{dialled}/{rest}", f"{dialled} / {_grouped(rest)}"]
    if person.country == "JP":
        habits.append(f"{dialled}-{_grouped(rest, '-')}".translate(_FULL_WIDTH))
    if person.country == "US":
        habits.append(f"1-{area}-{_grouped(rest, '-')}")
    text = rng.choice(habits)
    if _reads_abroad(text, but=person.phone):
        expected = Expected(expected.value, may_be_absent=True)
    return text, expected


def _oddly(person: Person, rng: Random) -> str:
    """Return what may be read rightly or not at all."""
    spaced = _spaced(person, rng)
    return rng.choice(
        (
            f"{spaced} ext. 12",
            f"{spaced} (mobile)",
            f"{spaced} privat",
            f"'{person.phone}",
            f'="{person.phone}"',
        )
    )


def _reads_abroad(text: str, *, but: str) -> bool:
    """Return whether the digits are also another valid number, one whose + was forgotten."""
    digits = "".join(str(unicodedata.digit(sign)) for sign in text if sign.isdigit())
    try:
        return f"+{digits}" != but and phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        return False


def _parts(person: Person) -> tuple[str, str, str]:
    """Return calling code, area code and the rest."""
    country = BY_CODE[person.country]
    area = next(one.area for one in country.ranges if person.phone.startswith(one.prefix))
    national = person.phone[1 + len(country.calling_code) :]
    return country.calling_code, national[:area], national[area:]


def _spaced(person: Person, rng: Random) -> str:
    calling_code, area, rest = _parts(person)
    return f"+{calling_code} {area} {rest if rng.random() < 0.3 else _grouped(rest)}"


def _grouped(digits: str, between: str = " ") -> str:
    """Return the digits in two groups."""
    middle = len(digits) // 2
    return f"{digits[:middle]}{between}{digits[middle:]}"
