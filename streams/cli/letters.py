"""This file is `leads dead-letters`: list what failed, look at one, do it again."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.letter_data import as_data, record_as_data, whole_ids
from streams.cli.output import AsJson, data, number, readable_text, say, show, write_json, write_table
from streams.cli.replaying import replay_command

if TYPE_CHECKING:
    from streams.store.letters import LetterRow

app = typer.Typer(help="Dead letters: list what failed, look at one, do it again.", no_args_is_help=True)
app.command("replay")(replay_command)

SHORT_ID = 8
ROOM_FOR_ALL = 160
"""Characters in a line, from which on the list shows everything."""


class Status(StrEnum):
    """What `--status` takes."""

    OPEN = "open"
    SCHEDULED = "scheduled"
    PARKED = "parked"
    REPLAYING = "replaying"
    RESOLVED = "resolved"
    DISCARDED = "discarded"
    ALL = "all"


@app.command("list")
def list_command(
    status: Annotated[
        list[Status] | None,
        typer.Option(
            help="May be given several times; `open` is scheduled, parked and replaying.", show_default="open"
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, oldest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first. With --json one letter per line."""
    from streams import logs
    from streams.cli import context
    from streams.store import letters

    logs.silence()
    wanted = _statuses(status or [Status.OPEN])
    with context.database(context.settings()) as database:
        rows = database.transact(lambda connection: letters.find(connection, statuses=wanted, limit=limit))
        counts = database.transact(letters.counts)
    total = sum(counts.get(name, 0) for name in wanted)
    if as_json:
        for row in rows:
            write_json(as_data(row))
    elif rows:
        _print_list(rows)
    else:
        show(f"No dead letters that are {', '.join(wanted)}.")
    if total > len(rows):
        say(f"{number(total - len(rows), 'more letter')}; --limit {total} lists all.")


@app.command("show")
def show_command(
    letter_id: Annotated[
        str, typer.Argument(metavar="ID", help="The id, or its first six characters or more.")
    ],
    reveal: Annotated[
        bool,
        typer.Option("--reveal", help="Print key, value and headers of the record: they hold personal data."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter: what went wrong, where, and the record it is about."""
    from streams import logs
    from streams.cli import context
    from streams.store import letters

    logs.silence()
    with context.database(context.settings()) as database:
        found = whole_ids(database, [letter_id])
        row = database.transact(lambda connection: letters.get(connection, found))[0]
    facts = as_data(row) | {"exception": row.letter.exception, "stacktrace": row.letter.stacktrace}
    record = record_as_data(row, is_revealed=reveal)
    if as_json:
        write_json(facts | {"record": record})
        return
    for name, value in facts.items():
        if value is not None:
            show(f"{name:16} {str(value).replace(chr(10), chr(10) + ' ' * 17)}")
    show("record")
    for name, value in record.items():
        if name == "headers":
            for header in value:
                show(f"  header         {header['name']}: {_header_text(header)}")
        else:
            show(f"  {name:14} {value}")
    if not reveal:
        say("The record's content is hidden, as it holds personal data; --reveal prints it.")


def _statuses(given: Sequence[Status]) -> tuple[str, ...]:
    from streams.store.letters import DISCARDED, OPEN, RESOLVED

    groups: dict[Status, tuple[str, ...]] = {Status.OPEN: OPEN, Status.ALL: (*OPEN, RESOLVED, DISCARDED)}
    return tuple(dict.fromkeys(name for status in given for name in groups.get(status, (status.value,))))


def _print_list(rows: Sequence[LetterRow]) -> None:
    columns = ("id", "status", "action", "code", "#gen.", "failed at", "next try", "lead", "message")
    cells = [_cells(row) for row in rows]
    if data().width < ROOM_FOR_ALL:
        # The beginning of an id is enough to name a letter; `show` tells the rest.
        write_table(columns[:6], [(str(row[0])[:SHORT_ID], *row[1:6]) for row in cells])
    else:
        write_table(columns, cells)


def _cells(row: LetterRow) -> tuple[object, ...]:
    letter = row.letter
    status = row.status if row.resolution in (None, row.status) else f"{row.status} ({row.resolution})"
    due = (
        None
        if letter.next_attempt is None or row.status != "scheduled"
        else readable_text(letter.next_attempt)
    )
    return (
        letter.id,
        status,
        letter.action,
        letter.code,
        letter.generation,
        readable_text(letter.time),
        due,
        row.lead_id,
        letter.message,
    )


def _header_text(header: dict[str, Any]) -> str:
    if "value_base64" in header:
        return f"{header['value_base64']} (base64)"
    if "value" in header:
        return "null" if header["value"] is None else str(header["value"])
    return f"{header['bytes']} bytes"
