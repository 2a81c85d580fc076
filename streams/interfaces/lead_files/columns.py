"""Decides what each column of a CSV file is, and makes leads of its rows."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Literal

from actions.normalise.consent import consent_role
from actions.normalise.folding import fold_title
from streams.interfaces.lead_files.rows import BadLine, Row
from streams.interfaces.lead_files.source import LeadFileError
from streams.interfaces.lead_files.times import own_time
from streams.interfaces.lead_files.titles import Alias, alias_of, is_created_title, rank_of
from topics.events import Consent, LeadReceived

Group = Literal["lead", "consent", "attributes", "ce"]

FIELDS = frozenset(LeadReceived.model_fields) - {"consent", "attributes"}
IDENTITIES = frozenset({"email", "phone"})
_CONSENT = frozenset(Consent.model_fields)
# These words became true and false before the worker read words: a file published then keeps its ids.
_TRUE = frozenset({"true", "yes", "y", "1"})
_FALSE = frozenset({"false", "no", "n", "0"})
_ADDRESS = re.compile(r"\s*(?:mailto:)?[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+\s*", re.IGNORECASE)
_LOOKS_LIKE_EMAIL = re.compile(r"e?mail|correo|courriel|posta")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_LONGEST_TITLE = 60
_FIELD_NAME = "field name"
_SPELLED = {fold_title(field): field for field in FIELDS}


@dataclass(frozen=True, slots=True)
class Column:
    """What a column of the file is taken for."""

    number: int
    """Counted from 1."""
    title: str
    group: Group
    name: str
    """Field, attribute, or attribute of the event without `ce_`."""
    source: str
    """Where the title is known from: `field name`, or products and languages."""
    alias: Alias | None = None
    is_exact: bool = False
    """Whether the title is the field's own name."""

    @property
    def target(self) -> str:
        """Return the field as people write it."""
        return (
            self.name
            if self.group == "lead"
            else f"ce_{self.name}"
            if self.group == "ce"
            else f"{self.group}.{self.name}"
        )

    @property
    def prefix(self) -> str:
        """Return what the product writes before each value."""
        return "" if self.alias is None or self.is_exact else self.alias.prefix

    @property
    def rank(self) -> tuple[int, int]:
        """Return which of several columns of a field comes first."""
        return (-1 if self.alias is None or self.is_exact else rank_of(self.alias), self.number)


def shown(title: str) -> str:
    """Return a title for people: in one line, not too long, without characters that a terminal obeys."""
    text = " ".join(title.split())
    text = "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1]}…"


def fields_of(titles: Sequence[str]) -> set[str]:
    """Return the fields of a lead that these titles mean."""
    others = _folded(titles)
    columns = (_column(title, number, others) for number, title in enumerate(titles, 1))
    return {column.name for column in columns if column.group == "lead"}


def _folded(titles: Sequence[str]) -> frozenset[str]:
    return frozenset(fold_title(title) for title in titles)


def _column(title: str, number: int, others: frozenset[str]) -> Column:
    title = title.strip()
    plain = title.lower().replace(" ", "_").replace("-", "_")
    exact = _exact(title, plain)
    if exact is not None:
        return Column(number, title, *exact, _FIELD_NAME, is_exact=True)
    alias = alias_of(title, others)
    # In a German file `Name` beside `Vorname` is the last name.
    if plain in FIELDS and (alias is None or not alias.beside or alias.field == plain):
        return Column(number, title, "lead", plain, _FIELD_NAME, alias, is_exact=True)
    if alias is not None:
        return Column(number, title, "lead", alias.field, alias.source, alias)
    spelled = _SPELLED.get(fold_title(title))
    if spelled is not None:
        return Column(number, title, "lead", spelled, _FIELD_NAME)
    # A lead with a control character anywhere is none; that of a title must not cost every lead of the file.
    return Column(number, title, "attributes", _CONTROL.sub("", title) or f"column_{number}", "")


def _exact(title: str, plain: str) -> tuple[Group, str] | None:
    """Return the target of a title in the spelling that names more than a field."""
    group, _, name = plain.partition(".")
    if group == "consent" and name in _CONSENT:
        return "consent", name
    if group == "attributes" and name:
        return "attributes", title.partition(".")[2].strip()
    if plain.startswith("ce_") and len(plain) > len("ce_"):
        return "ce", plain.removeprefix("ce_")
    return None


def _picking(columns: Sequence[Column]) -> tuple[Callable[[list[str]], Sequence[str]] | None, list[str]]:
    """Return what takes the cells of these columns out of a row, None when they are the first ones, and their names."""
    names = [column.name for column in columns]
    if all(column.number == number for number, column in enumerate(columns, 1)):
        return None, names
    if len(columns) == 1:
        return itemgetter(slice(columns[0].number - 1, columns[0].number)), names
    return itemgetter(*(column.number - 1 for column in columns)), names


class Columns:
    """The columns of one file."""

    def __init__(self, titles: Sequence[str], time_column: str | None = None) -> None:
        """Raise `LeadFileError` when the titles cannot be those of leads."""
        while titles and not titles[-1].strip():
            titles = titles[:-1]
        others = _folded(titles)
        self.warnings: list[str] = []
        self.all = self._told_apart(
            [_column(title, number, others) for number, title in enumerate(titles, 1)]
        )
        self.width = len(titles)
        self.dated_by = None if time_column is None else self._time_column(time_column)
        self._plan()
        self.row = self._row_maker()
        """Returns the lead of a row, why it is none, or None when all its cells are blank."""

    def _told_apart(self, columns: list[Column]) -> list[Column]:
        """Return the columns with a name of its own for each attribute. Raise when an exact name stands twice."""
        seen: dict[tuple[Group, str], Column] = {}
        kept = []
        for column in columns:
            first = seen.setdefault((column.group, column.name), column)
            if first is not column and first.is_exact and column.is_exact:
                raise LeadFileError(
                    f"the header row names {shown(column.target)} twice; rename column {column.number}"
                )
            is_again = first is not column and column.group == "attributes"
            kept.append(self._renamed(column, first) if is_again else column)
        return kept

    def _renamed(self, column: Column, first: Column) -> Column:
        """Return a column whose title stands twice, as an attribute with its number."""
        if consent_role(column.name) is not None:
            raise LeadFileError(
                f'the header row names "{shown(column.title)}" twice, which is about consent; '
                f"take out column {first.number} or {column.number}"
            )
        renamed = dataclasses.replace(column, name=f"{column.name} ({column.number})", is_exact=False)
        self.warnings.append(
            f'the header row names "{shown(column.title)}" twice; column {column.number} becomes the attribute '
            f'"{shown(renamed.name)}"'
        )
        return renamed

    def _time_column(self, title: str) -> Column:
        matches = [column for column in self.all if column.title == title.strip()] or [
            column for column in self.all if fold_title(column.title) == fold_title(title)
        ]
        if len(matches) != 1 or matches[0].group != "attributes":
            what = (
                "names a field of the lead"
                if len(matches) == 1
                else f"is the title of {len(matches)} columns"
            )
            created = [f'"{shown(column.title)}"' for column in self.all if is_created_title(column.title)]
            known = f"; the file has {', '.join(created)}" if created else ""
            raise LeadFileError(f"--time-column: {shown(title)!r} {what}{known}")
        if any(column.target == "ce_time" for column in self.all):
            raise LeadFileError("--time-column: the file has a column ce_time; leave the option out")
        return matches[0]

    @property
    def created(self) -> list[Column]:
        """Return the columns that say when a lead was made, and are not taken for its time."""
        return [
            column
            for column in self.all
            if column.group == "attributes" and column is not self.dated_by and is_created_title(column.title)
        ]

    @property
    def has_own_time(self) -> bool:
        """Whether rows may say when they happened."""
        return self.dated_by is not None or any(column.target == "ce_time" for column in self.all)

    def check(self, sample: Sequence[Sequence[str]]) -> None:
        """Raise `LeadFileError` when no column identifies a person, or one looks like the e-mail and none is it."""
        names = {column.name for column in self.all if column.group == "lead"}
        if "email" in names:
            return
        for column in self.all:
            if column.group == "attributes" and not column.is_exact and self._is_of_addresses(column, sample):
                raise LeadFileError(
                    f'no column is the e-mail, and column {column.number} "{shown(column.title)}" looks like it; '
                    f"rename it to email, or to attributes.{shown(column.title)} when it is something else"
                )
        if "phone" not in names:
            is_data = any(_ADDRESS.fullmatch(column.title) for column in self.all)
            advice = (
                "it seems to have no header row; write one, such as email,first_name,last_name"
                if is_data
                else "is the first line the header? Name the columns email and phone"
            )
            raise LeadFileError(f"the header row names neither email nor phone; {advice}")

    @staticmethod
    def _is_of_addresses(column: Column, sample: Sequence[Sequence[str]]) -> bool:
        at = column.number - 1
        cells = [cells[at] for cells in sample if len(cells) > at and cells[at].strip()]
        if cells:
            return sum(1 for cell in cells if _ADDRESS.fullmatch(cell)) * 2 > len(cells)
        about_consent = consent_role(column.title) is not None
        return not about_consent and _LOOKS_LIKE_EMAIL.fullmatch(fold_title(column.title)) is not None

    def _plan(self) -> None:
        """Sort the columns by what a row needs of them."""
        shared: dict[str, list[Column]] = {}
        for column in self.all:
            if column.group == "lead":
                shared.setdefault(column.name, []).append(column)
        self._choices = {
            name: sorted(columns, key=lambda column: column.rank)
            for name, columns in shared.items()
            if len(columns) > 1
        }
        self._prefixed = [
            (column.name, column.prefix)
            for column in self.all
            if column.prefix and column.name not in self._choices
        ]
        lead = [column for column in self.all if column.group == "lead" and column.name not in self._choices]
        attributes = [
            column for column in self.all if column.group == "attributes" and column is not self.dated_by
        ]
        self._pick_lead, self._lead_names = _picking(lead)
        self._attributes_at = [(column.number - 1, column.name) for column in attributes]
        self._consent_at = [
            (column.number - 1, column.name) for column in self.all if column.group == "consent"
        ]
        self._ce_at = [(column.number - 1, column.name) for column in self.all if column.group == "ce"]
        self._has_more = bool(self._consent_at or self._ce_at or self.dated_by)

    def _row_maker(self) -> Callable[[int, list[str]], Row | BadLine | None]:  # noqa: C901 - all of a row in one place
        """Return what makes a lead of a row."""
        # Most of the time of a row is spent here: a closure, and loops without a function call, save a third of it.
        width, pick, names, attributes_at = self.width, self._pick_lead, self._lead_names, self._attributes_at
        prefixed, has_choices, has_more = self._prefixed, bool(self._choices), self._has_more

        def row_of(line: int, cells: list[str]) -> Row | BadLine | None:  # noqa: C901 - as above
            if len(cells) != width and (bad := self._fit(line, cells)) is not None:
                return bad
            lead: dict[str, Any] = {}
            for name, cell in zip(names, cells if pick is None else pick(cells), strict=False):
                if cell and not cell.isspace():
                    lead[name] = cell  # noqa: PERF403 - a comprehension is a call of a function
            attributes = {}
            for at, name in attributes_at:
                cell = cells[at]
                if cell and not cell.isspace():
                    attributes[name] = cell
            for name, prefix in prefixed:
                if name in lead and lead[name].startswith(prefix):
                    lead[name] = lead[name].removeprefix(prefix)
            if has_choices:
                self._choose(cells, lead, attributes)
            row = Row(line, lead, {}, (), None)
            if has_more:
                self._add(row, cells, attributes)
            if attributes:
                lead["attributes"] = attributes
            return row if lead or row.attributes else None

        return row_of

    def _fit(self, line: int, cells: list[str]) -> BadLine | None:
        """Give a row as many cells as the header has; surplus ones must be blank."""
        width = self.width
        while len(cells) > width and not cells[-1].strip():
            del cells[-1]
        if len(cells) > width:
            said = f"has {len(cells)} cells but the header has {width}; is a cell with a separator quoted?"
            return BadLine(line, "NOT_CSV", said)
        cells += [""] * (width - len(cells))
        return None

    def _add(self, row: Row, cells: list[str], attributes: dict[str, str]) -> None:
        """Add consent, attributes of the event, and the row's own time."""
        if self._consent_at and (consent := self._consent(cells)):
            row.lead["consent"] = consent
        row.attributes = {name: text for at, name in self._ce_at if (text := cells[at].strip())}
        if self.dated_by is not None:
            self._date(row, cells[self.dated_by.number - 1], attributes)

    def _choose(self, cells: list[str], lead: dict[str, Any], attributes: dict[str, str]) -> None:
        """Take the first column that is not empty for each field, and keep the others as attributes."""
        for name, columns in self._choices.items():
            for column in columns:
                cell = cells[column.number - 1]
                if not cell.strip():
                    continue
                if name in lead:
                    key = _CONTROL.sub("", column.title)
                    attributes[key if key not in attributes else f"{key} ({column.number})"] = cell
                    continue
                lead[name] = cell.removeprefix(column.prefix)

    def _consent(self, cells: list[str]) -> dict[str, Any]:
        consent: dict[str, Any] = {
            name: cells[at] for at, name in self._consent_at if cells[at] and not cells[at].isspace()
        }
        if "marketing" in consent:
            word = consent["marketing"].strip().lower()
            if word in _TRUE or word in _FALSE:
                consent["marketing"] = word in _TRUE
        return consent

    def _date(self, row: Row, cell: str, attributes: dict[str, str]) -> None:
        """Take the row's time from the time column."""
        if self.dated_by is None or not cell.strip():
            return
        moment, notes = own_time(cell, shown(self.dated_by.title))
        row.notes = notes
        if moment is None:
            attributes[self.dated_by.name] = cell
        elif "time" not in row.attributes:
            row.attributes["time"] = moment
            row.dated_by = cell.strip()
