"""Prints data to stdout and everything else to stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else there.")]

_WIDE = 240
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_C1 = re.compile("[\x7f-\x9f]")


def plain(text: str) -> str:
    """Return the text with control characters escaped, except tab and line feed.

    A lead or a foreign letter may hold some, and a terminal would execute them.
    """
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


@cache
def errors() -> Console:
    """Return the console for progress, notes and errors: stderr."""
    from rich.console import Console

    return Console(stderr=True)


@cache
def data() -> Console:
    """Return the console for data: stdout. When piped, it is so wide that nothing is cut."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDE)


def print_err(text: str) -> None:
    """Print a line for a person, on stderr."""
    errors().print(plain(text), markup=False, highlight=False, soft_wrap=True)


def print_out(text: str) -> None:
    """Print a line of data, on stdout."""
    data().print(plain(text), markup=False, highlight=False, soft_wrap=True)


def write_json(document: object) -> None:
    """Print one JSON document on one line; several calls make JSON Lines."""
    text = json.dumps(document, ensure_ascii=False)
    sys.stdout.write(_C1.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")
    sys.stdout.flush()


def write_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Print a table; a column whose name begins with # holds numbers. None is shown as a dash."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for name in columns:
        table.add_column(
            name.removeprefix("#"),
            justify="right" if name.startswith("#") else "left",
            overflow="fold",
            no_wrap=name == "id",
        )
    for row in rows:
        table.add_row(*(Text("-" if cell is None else plain(str(cell)).replace("\n", "\\n")) for cell in row))
    data().print(table)


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return `1 letter`, `2,000 letters`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def readable(moment_us: int) -> str:
    """Return microseconds since the epoch as `2026-11-23 20:15:00.000Z`."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(moment_us / 1e6, UTC).isoformat(" ", "milliseconds").replace("+00:00", "Z")


def duration(microseconds: int) -> str:
    """Return a duration as people read it: `12 ms`, `3.4 s`."""
    if microseconds >= 1_000_000:  # noqa: PLR2004 - a second
        return f"{microseconds / 1e6:.1f} s"
    return f"{microseconds / 1000:.1f} ms"


def document(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON can hold
    """Return the fields whose value is not None."""
    return {name: value for name, value in fields.items() if value is not None}


def readable_text(moment: str) -> str:
    """Return an RFC 3339 text as `2026-11-23 20:15:00Z`."""
    return f"{moment[:19].replace('T', ' ')}Z"
