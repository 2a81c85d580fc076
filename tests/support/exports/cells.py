"""How the cells of one row are filled, and what they say.

A column is a header and a function that fills its cell; the function also tells the row what a reader may make
of that cell. The functions here make such functions.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Literal

from tests.support.exports.country_names import COLLOQUIAL, Tongue, country_name, language_name
from tests.support.exports.people import Person
from tests.support.exports.spellings import (
    NBSP,
    Cell,
    junk_name,
    long_title,
    spelled_email,
    spelled_phone,
    spelled_text,
)
from tests.support.exports.truth import ABSENT, FIELDS, Expected

Naming = Literal["en", "de", "es", "code"]
"""How an export names countries: in a language, or by their codes."""

MESSAGES = (
    'We need 3 "large" ones, please; and an offer.',
    "Guten Tag,\nwir suchen etwas für Grün- und Weißglas; bitte anrufen.\n\nDanke",
    "Line one\nLine two, with a comma\n- a point; and a semicolon",
    '"Quoted", he said',
    "Bonjour, c'est pour un devis\tavec une tabulation",
    "email,name,phone",
    "See https://example.org/a?b=c&d=e,f",
)


@dataclass
class Row:
    """One row in the making: a person, the choices for this row, and what its cells say so far."""

    person: Person
    number: int
    rng: Random
    encoding: str
    naming: Naming | None
    """How the row's country cell names countries; None if there is no such column."""
    country_is_sure: bool = True
    """Whether the country's column is one that every reader knows."""
    knows_names: bool = True
    """Whether the first name's cell always has a name; else it is now and then what a system writes instead."""
    fields: dict[str, Expected] = field(default_factory=lambda: dict.fromkeys(FIELDS, ABSENT))
    slots: dict[str, int] = field(default_factory=dict)

    def own(self, name: Literal["first_name", "last_name", "city", "company", "job_title"]) -> str:
        """Return a text of the person, in ASCII if the file cannot write it otherwise."""
        text: str = getattr(self.person, name)
        return text if self.can_write(text) else getattr(self.person.latin, name)

    def spelled(self, text: str) -> str:
        """Return the text as it is spelled in this row."""
        spelling = spelled_text(text, self.rng)
        return spelling if self.can_write(spelling) else text

    def can_write(self, text: str) -> bool:
        """Return whether the file's encoding has all these letters."""
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            return False
        return True

    def slot(self, what: str, among: int) -> int:
        """Return in which of several columns for the same thing this row has it."""
        return self.slots.setdefault(what, self.rng.randrange(among))

    @cached_property
    def first_name_cell(self) -> str:
        """What the first name's cell says; junk in a few rows, of which the truth is that it says nothing."""
        junk = None if self.knows_names else junk_name(self.rng)
        if junk is not None and self.can_write(junk):
            return junk
        return self.spelled(self.own("first_name"))

    @cached_property
    def has_first_name(self) -> bool:
        """Whether the first name's cell is the person's."""
        return normal(self.first_name_cell) == self.own("first_name")

    @cached_property
    def country_cell(self) -> Cell:
        """What the country's cell says."""
        code, rng = self.person.country, self.rng
        if self.naming is None:
            return "", ABSENT
        if rng.random() < 0.08:
            return rng.choice(("", "", "Other", "N/A", "-")), ABSENT
        sure = Expected(code, may_be_absent=not self.country_is_sure)
        if self.naming == "code":
            return rng.choices((code, code.lower()), (4, 1))[0], sure
        name, others = country_name(code, self.naming), COLLOQUIAL[self.naming].get(code, ())
        if others and rng.random() < 0.2:
            return rng.choice(others), Expected(code, may_be_absent=True)
        decorated = (f"{name} ({code})", name.upper(), f" {name} ", name.replace(" ", NBSP))
        return rng.choice(decorated) if rng.random() < 0.15 else name, sure


Write = Callable[[Row], object]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an export: its header, and how a row's cell is filled."""

    header: str
    write: Write


def normal(text: str) -> str:
    """Return a person's own text from a cell: composed, one blank between words, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text.replace("\u200b", "")).split())


def constant(text: str) -> Write:
    """Fill each cell with this text, of which no field is made."""
    return lambda row: text


def numbered(pattern: str) -> Write:
    """Fill each cell with the row's number, as in `{:06}`."""
    return lambda row: pattern.format(row.number)


def created(pattern: str) -> Write:
    """Fill each cell with the time the lead was made, in strftime's pattern; it is no field of a lead."""
    return lambda row: row.person.created.strftime(pattern)


def email(slot: int = 0, among: int = 1) -> Write:
    """Fill the cell with the e-mail; of several such columns only one has it."""

    def write(row: Row) -> str:
        if row.slot("email", among) != slot:
            return ""
        text, row.fields["email"] = spelled_email(row.person, row.rng)
        if not row.can_write(text):
            text, row.fields["email"] = row.person.email, Expected(row.person.email)
        return text

    return write


def phone(slot: int = 0, among: int = 1, prefix: str = "") -> Write:
    """Fill the cell with the telephone; of several such columns only one has it."""

    def write(row: Row) -> str:
        if row.slot("phone", among) != slot:
            return ""
        country = row.country_cell[1] if row.naming else None
        text, row.fields["phone"] = spelled_phone(row.person, row.rng, country=country)
        if not row.can_write(text):
            text, row.fields["phone"] = row.person.phone, Expected(row.person.phone)
        return prefix + text if text else text

    return write


def first_name() -> Write:
    """Fill the cell with the first name."""

    def write(row: Row) -> str:
        row.fields["first_name"] = Expected(row.own("first_name")) if row.has_first_name else ABSENT
        return row.first_name_cell

    return write


def last_name() -> Write:
    """Fill the cell with the last name; a reader may, but need not, make the whole name of both."""

    def write(row: Row) -> str:
        last = row.own("last_name")
        row.fields["last_name"] = Expected(last)
        row.fields["name"] = _whole_name(row)
        return row.spelled(last)

    return write


def full_name() -> Write:
    """Fill the cell with the whole name; a reader may, but need not, make first and last name of it."""

    def write(row: Row) -> str:
        junk = None if row.knows_names else junk_name(row.rng)
        if junk is not None and row.can_write(junk):
            return junk
        row.fields["first_name"] = Expected(row.own("first_name"), may_be_absent=True)
        row.fields["last_name"] = Expected(row.own("last_name"), may_be_absent=True)
        row.fields["name"] = Expected(_ways(row)[0], also=_ways(row)[1:])
        return row.spelled(_ways(row)[0])

    return write


def _whole_name(row: Row) -> Expected:
    """Return what a reader may make of the two cells, which may be nothing."""
    first, *others = _ways(row) if row.has_first_name else (row.own("last_name"),)
    return Expected(first, may_be_absent=True, also=tuple(others))


def _ways(row: Row) -> tuple[str, ...]:
    """Return the whole name as people write it, and how it may also be put together."""
    first, last = row.own("first_name"), row.own("last_name")
    if row.person.country == "JP" and not first.isascii():
        return f"{last} {first}", f"{first} {last}", f"{last}{first}"
    return (f"{first} {last}",)


def text(name: Literal["city", "company", "job_title"], *, is_sure: bool = True) -> Write:
    """Fill the cell with a text of the person; `is_sure` says that every reader knows the column."""

    def write(row: Row) -> str:
        own = row.own(name)
        if not own:
            return ""
        if name == "job_title" and row.rng.random() < 0.02:
            return long_title(own)
        row.fields[name] = Expected(own, may_be_absent=not is_sure)
        return row.spelled(own)

    return write


def website(*, is_sure: bool = True) -> Write:
    """Fill the cell with the website, sometimes without its scheme."""

    def write(row: Row) -> str:
        full = row.person.website
        if not full:
            return ""
        bare = full.removeprefix("https://")
        row.fields["website"] = Expected(full, not is_sure)
        if row.rng.random() < 0.25:
            row.fields["website"] = Expected(full, not is_sure, (bare, f"http://{bare}"))
            return bare
        return full

    return write


def country() -> Write:
    """Fill the cell with the country."""

    def write(row: Row) -> str:
        written, row.fields["country"] = row.country_cell
        return written

    return write


def language(tongue: Tongue | None = None, pattern: str = "{}") -> Write:
    """Fill the cell with the language's name in a tongue, or with its tag as the pattern says.

    In a pattern, `{0}` is the tag, `{1}` is it in lower case, `{2}` has an underscore, `{3}` is a POSIX locale.
    """

    def write(row: Row) -> str:
        tag = row.person.language
        if row.rng.random() < 0.15:
            return ""
        if tongue is not None:
            row.fields["language"] = Expected(tag.partition("-")[0])
            return language_name(tag, tongue)
        row.fields["language"] = Expected(tag)
        locale = tag.replace("-", "_") + ".UTF-8" if "-" in tag else tag
        return pattern.format(tag, tag.lower(), tag.replace("-", "_"), locale)

    return write


def message(*, is_sure: bool = True) -> Write:
    """Fill a few cells with what the person wrote: quotes, separators and line ends."""

    def write(row: Row) -> str:
        if row.rng.random() < 0.65:
            return ""
        written = row.rng.choice(MESSAGES)
        row.fields["message"] = Expected(written, may_be_absent=not is_sure)
        return written

    return write


def opted_out(yes: str, no: str) -> Write:
    """Fill the column of those who want no mail.

    Not to have opted out is no consent: a reader may know from this column who said no, never who said yes.
    """

    def write(row: Row) -> str:
        answer = row.person.consent
        if answer == "no":
            row.fields["consent"] = Expected("no")
            return yes
        if answer == "yes":
            row.fields["consent"] = Expected("yes", may_be_absent=True)
        return no

    return write


def opted_in(yes: tuple[str, ...], no: tuple[str, ...], neither: str = "", *, is_sure: bool = True) -> Write:
    """Fill the column of an answer to "may we write to you?"; `is_sure`: every reader knows the column."""

    def write(row: Row) -> str:
        answer = row.person.consent
        if answer == "none given":
            return neither
        row.fields["consent"] = Expected(answer, may_be_absent=not is_sure)
        return row.rng.choice(yes if answer == "yes" else no)

    return write


def country_of_the_address() -> Write:
    """Fill the column of the country that an IP address was in: a reader may take it where there is no other."""

    def write(row: Row) -> str:
        if row.fields["country"].value is None:
            row.fields["country"] = Expected(row.person.country, may_be_absent=True)
        return row.person.country

    return write


def salutation() -> Write:
    """Fill the column "Title" of an address book: a form of address, never a job title."""
    return lambda row: row.rng.choice(("", "", "Dr.", "Prof."))


def display_name() -> Write:
    """Fill the column that repeats name and e-mail for display."""
    return lambda row: f"{row.own('first_name')} {row.own('last_name')} ({row.person.email})"


def subscription() -> Write:
    """Fill the status of a subscription: no is no, but a list may hold people who were put there unasked."""

    def write(row: Row) -> str:
        answer = row.person.consent
        if answer == "none given":
            return "Pending"
        row.fields["consent"] = Expected(answer, may_be_absent=answer == "yes")
        return "Subscribed" if answer == "yes" else "Unsubscribed"

    return write


def said_no_at(pattern: str) -> Write:
    """Fill the column of the time at which somebody said no."""
    return lambda row: row.person.created.strftime(pattern) if row.person.consent == "no" else ""


def nested_consent() -> Write:
    """Fill the nested consent of our own events; some say when and what was asked, but have no answer."""

    def write(row: Row) -> object:
        answer, rng = row.person.consent, row.rng
        asked = {"time": row.person.created.isoformat(), "text": 'Send me "News", please'}
        if answer == "none given":
            return rng.choice(({}, None, asked))
        row.fields["consent"] = Expected(answer)
        return {"marketing": rng.choice((answer == "yes", answer)), **asked}

    return write


def phone_or_number() -> Write:
    """Fill the telephone; for some it is a JSON number, whose + is lost."""
    as_text = phone()

    def write(row: Row) -> object:
        if row.person.phone and row.rng.random() < 0.04:
            row.fields["phone"] = Expected(row.person.phone, may_be_absent=True)
            return int(row.person.phone)
        return as_text(row)

    return write
