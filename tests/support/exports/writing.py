"""Writes the list of people as twelve exports, and their truth beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random

from tests.support.exports.cells import Row
from tests.support.exports.formats import Format, formats
from tests.support.exports.people import Person, people
from tests.support.exports.truth import Expected, ExpectedRow, Export, merge_truth

_BOM = {"utf-8-sig": b"\xef\xbb\xbf", "utf-16": b"\xff\xfe"}
_WITHOUT_BOM = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}


def write_exports(folder: Path, seed: int) -> list[Export]:
    """Write the twelve files of the 500 people into the folder and return what they are and what is true.

    The files of a seed are always the same, byte for byte. Each has one row for each person, in an order of
    its own; the person's number is the index in `people(seed)`.
    """
    everyone = people(seed)
    return [_written(folder, form, everyone, seed) for form in formats(seed)]


def write_truth(path: Path, exports: Sequence[Export], seed: int) -> None:
    """Write people, rows and merged contacts as one JSON document."""
    everyone = people(seed)
    document = {
        "seed": seed,
        "people": [asdict(person) | {"created": person.created.isoformat()} for person in everyone],
        "exports": [_described(export) for export in exports],
        "merged": [_told(fields) for fields in merge_truth(exports, len(everyone))],
    }
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def _described(export: Export) -> dict[str, object]:
    return {
        "file": export.path.name,
        "name": export.name,
        "arguments": export.arguments,
        "encoding": export.encoding,
        "delimiter": export.delimiter,
        "skip": export.skip,
        "rows": [{"person": row.person, "fields": _told(row.fields)} for row in export.rows],
    }


def _told(fields: dict[str, Expected]) -> dict[str, object]:
    return {name: asdict(expected) for name, expected in fields.items()}


def _written(folder: Path, form: Format, everyone: Sequence[Person], seed: int) -> Export:
    rng = Random(f"{form.name}/{seed}")
    order = list(range(len(everyone)))
    rng.shuffle(order)
    rows = [_row(form, everyone[at], at, seed) for at in order]
    if form.delimiter:
        records = [_cells(form, row) for row in rows]
        content = "".join(_csv(form, records, rng))
    else:
        content = "".join(_json(form, row) for row in rows)
    path = folder / form.file
    encoding = _WITHOUT_BOM.get(form.encoding, form.encoding)
    path.write_bytes(_BOM.get(form.encoding, b"") + content.encode(encoding))
    return Export(
        path,
        form.name,
        form.arguments,
        form.encoding,
        form.delimiter,
        1 if form.before else 0,
        tuple(ExpectedRow(row.number, row.fields) for row in rows),
    )


def _row(form: Format, person: Person, number: int, seed: int) -> Row:
    return Row(
        person,
        number,
        Random(f"{form.name}/{seed}/{number}"),
        form.encoding,
        form.naming,
        form.country_is_sure,
        form.knows_names,
    )


def _cells(form: Format, row: Row) -> list[str]:
    return [str(column.write(row)) for column in form.columns]


def _json(form: Format, row: Row) -> str:
    cells = {column.header: column.write(row) for column in form.columns}
    leaves_out = row.rng.random() < 0.5
    told = {name: cell for name, cell in cells.items() if not (leaves_out and cell in ("", None))}
    return json.dumps(told, ensure_ascii=False) + form.line_end


def _csv(form: Format, records: list[list[str]], rng: Random) -> Iterator[str]:
    if form.before:
        yield form.before + form.line_end
    yield _line(form, [column.header for column in form.columns])
    for cells in records:
        if form.blank_line is not None and rng.random() < 0.02:
            yield form.blank_line + form.line_end
        extra = form.extra_cells if rng.random() < 0.1 else 0
        yield _line(form, cells + [""] * extra)
    for line in form.after:
        yield line + form.line_end


def _line(form: Format, cells: list[str]) -> str:
    written = [_cell(form, cell, is_first=at == 0) for at, cell in enumerate(cells)]
    return form.delimiter.join(written) + form.line_end


def _cell(form: Format, cell: str, *, is_first: bool) -> str:
    if not form.quotes_all and not any(sign in cell for sign in (form.delimiter, '"', "\n", "\r")):
        return cell
    blank = " " if form.blank_before_quote and not is_first else ""
    return blank + '"' + cell.replace('"', '""') + '"'
