"""Opens a file of leads: decides what it is and what its columns are, before the first lead is read."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from streams.interfaces.lead_files.columns import Columns, shown
from streams.interfaces.lead_files.dialect import Dialect, find_dialect, separator_of
from streams.interfaces.lead_files.encoding import (
    Encoding,
    Place,
    UndecodableError,
    decide,
    head_text,
    label_of,
    texts,
    without_marks,
)
from streams.interfaces.lead_files.formats import Format, foreign, guess_format, not_json_lines
from streams.interfaces.lead_files.jsonlines import JsonLeads, pipe_lines, text_lines
from streams.interfaces.lead_files.lines import Lines
from streams.interfaces.lead_files.report import FileReport
from streams.interfaces.lead_files.rows import BadLine, Row
from streams.interfaces.lead_files.source import LeadFileError, Source, StoppedError
from streams.interfaces.lead_files.table import Table

__all__ = ["BadLine", "Format", "LeadFile", "LeadFileError", "Options", "Row", "follow_leads", "open_leads"]


@dataclass(frozen=True, slots=True)
class Options:
    """How to read a file; None is found out."""

    format: Format | None = None
    encoding: str | None = None
    delimiter: str | None = None
    time_column: str | None = None
    has_time: bool = False
    """Whether leads without a time of their own get another than that of publishing."""


class Input(Protocol):
    """Where the bytes come from."""

    @property
    def size(self) -> int | None:
        """Size in bytes; None for a pipe."""
        ...

    @property
    def bytes_read(self) -> int:
        """Number of bytes read so far."""
        ...

    @property
    def is_idle(self) -> bool:
        """Whether reading the next line would wait, perhaps for ever."""
        ...

    def stop(self) -> None:
        """End the reading as if the input ended here."""


class LeadFile:
    """A file whose leads can be read, once."""

    def __init__(
        self, given: Input, report: FileReport, rows: Iterator[Row | BadLine], leads: JsonLeads | None
    ) -> None:
        self._input = given
        self._rows = rows
        self._json = leads
        self.report = report

    def __iter__(self) -> Iterator[Row | BadLine]:
        """Yield every lead and every bad line, in order. Raise `LeadFileError` when the file is changed meanwhile."""
        return self._rows

    @property
    def size(self) -> int | None:
        """Size in bytes; None for a pipe that is followed."""
        return self._input.size

    @property
    def bytes_read(self) -> int:
        """Number of bytes read so far."""
        return self._input.bytes_read

    @property
    def is_idle(self) -> bool:
        """Whether reading the next line would wait, perhaps for ever."""
        return self._input.is_idle

    def stop(self) -> None:
        """End the reading as if the file ended here."""
        self._input.stop()

    def warnings(self) -> list[str]:
        """Return what to say about the file, as far as it was read."""
        return self.report.warnings + ([] if self._json is None else self._json.warnings())


def open_leads(source: Source, name: str, options: Options) -> LeadFile:
    """Return the leads of a file with this name. Raise `LeadFileError` when it cannot be read as leads.

    All of it has been decoded once before: no lead goes out of a file that cannot be read to its end.
    """
    delimiter = None if options.delimiter is None else separator_of(options.delimiter)
    if (what := foreign(source.head())) is not None:
        raise LeadFileError(f"the file is {what}")
    try:
        encoding = decide(source, options.encoding)
    except UndecodableError as error:
        raise LeadFileError(_why_undecodable(source, error, name, options, delimiter)) from None
    head = head_text(source, encoding)
    kind = options.format or guess_format(name, head)
    warnings = [] if encoding.warning is None else [encoding.warning]
    if kind == "jsonl":
        if (why := not_json_lines(head)) is not None:
            raise LeadFileError(f"the file is {why}")
        if delimiter is not None:
            raise LeadFileError("--delimiter: JSON Lines have no separator; leave the option out")
        leads = JsonLeads(text_lines(texts(source, encoding)), options.time_column)
        report = FileReport("jsonl", encoding.label, warnings=warnings)
        return LeadFile(source, report, leads.rows(), leads)
    return _open_table(
        source, kind, encoding, find_dialect(head, _preferred(kind), delimiter), options, warnings
    )


def follow_leads(lines: Lines, options: Options) -> LeadFile:
    """Return the leads of a pipe of JSON Lines in UTF-8, each as soon as it is there."""
    if options.encoding is not None or options.delimiter is not None or options.format in ("csv", "tsv"):
        raise LeadFileError(
            "--follow reads JSON Lines in UTF-8; leave out --encoding, --delimiter and --format"
        )
    leads = JsonLeads(pipe_lines(lines), options.time_column)
    return LeadFile(lines, FileReport("jsonl", "UTF-8"), leads.rows(), leads)


def _preferred(kind: Format) -> str:
    return "\t" if kind == "tsv" else ","


def _open_table(
    source: Source, kind: Format, encoding: Encoding, dialect: Dialect, options: Options, warnings: list[str]
) -> LeadFile:
    report = FileReport(kind, encoding.label, dialect.separator_name, warnings=warnings)
    if dialect.header is None:
        return LeadFile(source, report, iter(()), None)
    report.header_line, titles = dialect.header
    columns = Columns(titles, options.time_column)
    columns.check(dialect.rows)
    report.columns = [
        dataclasses.replace(column, group="ce", name="time", source="--time-column")
        if column is columns.dated_by
        else column
        for column in columns.all
    ]
    if dialect.before:
        rows = "1 row" if dialect.before == 1 else f"{dialect.before} rows"
        warnings.append(f"the header is in line {report.header_line}; {rows} before it left out")
    warnings += columns.warnings
    if columns.created and not columns.has_own_time and not options.has_time:
        column = columns.created[0]
        warnings.append(
            f'leads count as of the moment of publishing; column {column.number} "{shown(column.title)}" is kept as an '
            f'attribute. To take it as their time: --time-column "{shown(column.title)}"'
        )
    return LeadFile(source, report, _rows(source, encoding, dialect, columns), None)


def _rows(source: Source, encoding: Encoding, dialect: Dialect, columns: Columns) -> Iterator[Row | BadLine]:
    table = Table(texts(source, encoding), dialect.separator)
    header_line = 0 if dialect.header is None else dialect.header[0]
    row_of = columns.row
    table.width = columns.width
    is_below = False
    with suppress(StoppedError):
        for batch in table.batches():
            for record in batch:
                if not is_below:
                    is_below = not isinstance(record, BadLine) and record[0] >= header_line
                elif isinstance(record, BadLine):
                    yield record
                elif (row := row_of(*record)) is not None:
                    yield row


def _why_undecodable(
    source: Source, error: UndecodableError, name: str, options: Options, delimiter: str | None
) -> str:
    place = error.place
    column = _column_of(source, error, name, options, delimiter)
    where = f"byte {place.byte:,} (line {place.line:,}{column})"
    if error.likely:
        others = "".join(f" or --encoding {label}" for label in error.likely[1:])
        advice = (
            f"it is probably {error.likely[0]}: publish it with --encoding {error.likely[0]}{others}, "
            "or save it as UTF-8"
        )
    else:
        advice = "save it as UTF-8"
    return f"the file is not {label_of(error.codec)}: {where} cannot be read; nothing was published; {advice}"


def _column_of(
    source: Source, error: UndecodableError, name: str, options: Options, delimiter: str | None
) -> str:
    """Return the column of the place, when the header is known."""
    codec = error.likely[0] if error.likely else error.codec
    head = head_text(source, Encoding(codec if error.codec == "utf-8" else error.codec, 0))
    kind = options.format or guess_format(name, head)
    if kind == "jsonl":
        return ""
    dialect = find_dialect(head, _preferred(kind), delimiter)
    number = _cells_before(error.place, dialect.separator)
    if dialect.header is None or number is None or error.place.line < dialect.header[0]:
        return ""
    titles = dialect.header[1]
    title = titles[number - 1] if number <= len(titles) and error.place.line > dialect.header[0] else ""
    return f', column {number} "{shown(title)}"' if title.strip() else f", column {number}"


def _cells_before(place: Place, separator: str) -> int | None:
    """Return in which cell of its line the place is."""
    try:
        cells = next(csv.reader([without_marks(place.before)], delimiter=separator), [])
    except csv.Error:
        return None
    return max(len(cells), 1)
