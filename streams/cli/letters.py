"""This file is `leads dead-letters`: list what failed, look at one, do it again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli import letter_acts, letter_jobs, selecting
from streams.cli.letter_data import as_data, record_as_data, whole_ids
from streams.cli.letter_groups import groups_command, stats_command
from streams.cli.letter_plans import check_command, plan_command
from streams.cli.output import AsJson, data, number, readable_text, say, show, write_json, write_table
from streams.cli.reindexing import reindex_command
from streams.cli.replaying import replay_command

if TYPE_CHECKING:
    from streams.store.letters import LetterRow

app = typer.Typer(help="Dead letters: list what failed, look at one, do it again.", no_args_is_help=True)
app.command("replay")(replay_command)
app.command("groups")(groups_command)
app.command("stats")(stats_command)
app.command("edit")(letter_acts.edit_command)
app.command("repair")(letter_acts.repair_command)
app.command("discard")(letter_acts.discard_command)
app.command("restore")(letter_acts.restore_command)
app.command("schedule")(letter_acts.schedule_command)
app.command("unschedule")(letter_acts.unschedule_command)
app.command("keep")(letter_acts.keep_command)
app.command("reindex")(reindex_command)
app.command("plan")(plan_command)
app.command("check")(check_command)
app.command("apply")(letter_jobs.apply_command)
app.add_typer(letter_jobs.app, name="jobs")

SHORT_ID = 8
PAGE = 500
"""Letters that are read at once: each brings its whole record along."""
ROOM_FOR_ALL = 160
"""Characters in a line, from which on the list shows everything."""


@app.command("list")
@selecting.selects()
def list_command(
    wanted: selecting.Wanted,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, oldest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first. With --json one letter per line."""
    from streams import logs
    from streams.cli import context
    from streams.dead_letters.selector import count, select
    from streams.store import letters

    logs.silence()
    chosen = wanted.selector()
    with context.database(context.settings()) as database:
        total = database.transact(partial(count, selector=chosen))
        ids = database.transact(partial(select, selector=chosen, limit=limit))
        for start in range(0, len(ids), PAGE):
            page = ids[start : start + PAGE]
            found = {row.letter.id: row for row in database.transact(partial(letters.get, ids=page))}
            rows = [found[each] for each in page if each in found]
            if as_json:
                for row in rows:
                    write_json(as_data(row))
            else:
                _print_list(rows)
    if not ids and not as_json:
        more = "" if chosen.is_everything else ", and as asked for"
        show(f"No dead letters that are {', '.join(chosen.statuses)}{more}.")
    if total > len(ids):
        say(f"{number(total - len(ids), 'more letter')}; --limit {total} lists all.")


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
