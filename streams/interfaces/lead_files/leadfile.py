"""Reads leads from JSON Lines or CSV of any size, and reports what is wrong with each bad line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from streams.interfaces.lead_files.lines import LONGEST_LINE, Lines
from topics.events import Consent, LeadReceived

Format = Literal["jsonl", "csv"]

_BOM = b"\xef\xbb\xbf"
_DELIMITERS = ",;\t|"
_FIELDS = frozenset(LeadReceived.model_fields)
_CONSENT = frozenset(Consent.model_fields)
_SPELLINGS = {"e_mail": "email", "mail": "email", "firstname": "first_name", "lastname": "last_name"}
_TRUE = frozenset({"true", "yes", "y", "1"})
_FALSE = frozenset({"false", "no", "n", "0"})


class LeadFileError(ValueError):
    """The file as a whole cannot be read as leads; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """One lead as it stands in the file."""

    line: int
    """Line where it begins, counted from 1."""
    lead: dict[str, Any]
    attributes: dict[str, str] = field(default_factory=dict)
    """CloudEvents attributes of the row, without `ce_`: `id`, `time`, …"""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is not a lead. `reason` names field and position and repeats no value."""

    line: int
    code: str
    reason: str


def guess_format(name: str, beginning: bytes) -> Format:
    """Return the format by the file's suffix, or by its first bytes when the suffix is unknown."""
    suffix = name.rpartition(".")[2].lower()
    if suffix in ("csv", "tsv"):
        return "csv"
    if suffix in ("jsonl", "ndjson", "json"):
        return "jsonl"
    return "jsonl" if beginning.removeprefix(_BOM).lstrip()[:1] in (b"{", b"[", b"") else "csv"


def read_leads(lines: Lines, kind: Format) -> Iterator[Row | BadLine]:
    """Yield every lead and every bad line, in order. Raise `LeadFileError`, at the first line only."""
    return _read_json(lines) if kind == "jsonl" else _read_csv(lines)


def _too_long(line: int) -> BadLine:
    return BadLine(line, "TOO_LARGE", f"the line has more than {LONGEST_LINE} bytes")


def _read_json(lines: Lines) -> Iterator[Row | BadLine]:
    for raw in lines:
        line = lines.number
        if len(raw) > LONGEST_LINE:
            yield _too_long(line)
            continue
        text = (
            raw.removeprefix(_BOM) if line == 1 else raw
        ).rstrip()  # leading blanks stay: the reported column counts them
        if not text:
            continue
        if line == 1 and text.lstrip().startswith(b"["):
            raise LeadFileError("the file is one JSON array; write one object per line: jq -c '.[]' FILE")
        try:
            parsed = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            yield BadLine(line, *_why_no_json(text, error))
            continue
        if not isinstance(parsed, dict):
            yield BadLine(line, "NOT_AN_OBJECT", f"is a JSON {type(parsed).__name__} but must be an object")
            continue
        yield _row(line, parsed)


def _why_no_json(text: bytes, error: orjson.JSONDecodeError) -> tuple[str, str]:
    try:
        text.decode()
    except UnicodeDecodeError as at:
        return "NOT_UTF8", f"not UTF-8 at byte {at.start + 1}"
    return "NOT_JSON", f"not JSON at column {error.colno}: {error.msg.partition(':')[0]}"


def _row(line: int, fields: dict[str, Any]) -> Row | BadLine:
    attributes = {}
    for name in [name for name in fields if name.startswith("ce_")]:
        value = fields.pop(name)
        if value is None or value == "":
            continue
        if isinstance(value, bool) or not isinstance(value, str | int):
            return BadLine(line, "BAD_ATTRIBUTE", f"{name[:60]}: must be text")
        attributes[name[3:]] = str(value)
    return Row(line, fields, attributes)


def _read_csv(lines: Lines) -> Iterator[Row | BadLine]:
    text = _text(lines)
    first = next(text, "")
    if not first.strip():
        return
    delimiter = max(_DELIMITERS, key=first.count)
    csv.field_size_limit(LONGEST_LINE)
    header = next(csv.reader([first], delimiter=delimiter, strict=False))
    columns = _columns(header)
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        line = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            until = f" from here to line {lines.number}" if lines.number > line else ""
            yield BadLine(line, "NOT_CSV", f"not CSV{until}: {error}; is a quote missing or not doubled?")
            continue
        if any(cells):
            yield _csv_row(line, columns, cells)


def _text(lines: Lines) -> Iterator[str]:
    for raw in lines:
        # Bytes that are not UTF-8 become surrogates, which are found once their row is known.
        text = (raw.removeprefix(_BOM) if lines.number == 1 else raw).decode("utf-8", "surrogateescape")
        yield text


def _columns(header: list[str]) -> list[tuple[str, str]]:
    """Return the target of each column: (`lead` | `consent` | `attributes` | `ce`, name)."""
    columns = [_column(title.strip(), number) for number, title in enumerate(header, 1)]
    for number, column in enumerate(columns, 1):
        if columns.index(column) != number - 1:
            raise LeadFileError(
                f"the header row names {'.'.join(column).removeprefix('lead.')} twice; rename column {number}"
            )
    if not {("lead", "email"), ("lead", "phone")} & set(columns):
        raise LeadFileError("the header row names neither email nor phone; is the first line the header?")
    return columns


def _column(title: str, number: int) -> tuple[str, str]:
    plain = title.lower().replace(" ", "_").replace("-", "_")
    plain = _SPELLINGS.get(plain, plain)
    group, _, name = plain.partition(".")
    if group == "consent" and name in _CONSENT:
        return ("consent", name)
    if group == "attributes" and name:
        return ("attributes", title.partition(".")[2].strip())
    if plain.startswith("ce_"):
        return ("ce", plain[3:])
    if plain in _FIELDS - {"consent", "attributes"}:
        return ("lead", plain)
    return ("attributes", title or f"column_{number}")


def _csv_row(line: int, columns: list[tuple[str, str]], cells: list[str]) -> Row | BadLine:
    if len(cells) > len(columns):
        return BadLine(
            line,
            "NOT_CSV",
            f"has {len(cells)} cells but the header has {len(columns)}; is a cell with a separator quoted?",
        )
    groups: dict[str, dict[str, Any]] = {"lead": {}, "consent": {}, "attributes": {}, "ce": {}}
    for number, ((group, name), cell) in enumerate(zip(columns, cells, strict=False), 1):
        if not cell.strip():
            continue
        try:
            cell.encode()
        except UnicodeEncodeError as at:
            return BadLine(
                line, "NOT_UTF8", f"column {number} ({name[:60]}): not UTF-8 at character {at.start + 1}"
            )
        groups[group][name] = cell
    consent = groups["consent"]
    if "marketing" in consent:
        answer = consent["marketing"].strip().lower()
        if answer not in _TRUE | _FALSE:
            return BadLine(line, "WRONG_TYPE", "consent.marketing: must be true or false")
        consent["marketing"] = answer in _TRUE
    lead = groups["lead"]
    lead |= {name: groups[name] for name in ("consent", "attributes") if groups[name]}
    return Row(line, lead, {name: str(value).strip() for name, value in groups["ce"].items()})
