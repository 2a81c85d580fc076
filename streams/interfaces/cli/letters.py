"""This file is `leads dead-letters`: list what failed, look at one, do it again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from streams.clock import now
from streams.dead_letters.selection import Selection, count, select
from streams.dead_letters.serialize import as_data
from streams.interfaces.cli import letter_commands, letter_jobs
from streams.interfaces.cli.letter_groups import groups_command, stats_command
from streams.interfaces.cli.letter_plans import check_command, plan_command
from streams.interfaces.cli.letter_show import show_command
from streams.interfaces.cli.letter_tail import tail_command
from streams.interfaces.cli.letter_transfer import export_command, import_command
from streams.interfaces.cli.reindexing import reindex_command
from streams.interfaces.cli.replaying import replay_command
from streams.interfaces.cli.selecting import selects
from streams.interfaces.common.output import (
    AsJson,
    data,
    plural,
    print_err,
    print_out,
    readable,
    readable_text,
    write_json,
    write_table,
)

if TYPE_CHECKING:
    from streams.store.letters import LetterRow

app = typer.Typer(help="Dead letters: list what failed, look at one, do it again.", no_args_is_help=True)
app.command("show")(show_command)
app.command("tail")(tail_command)
app.command("export")(export_command)
app.command("import")(import_command)
app.command("replay")(replay_command)
app.command("groups")(groups_command)
app.command("stats")(stats_command)
app.command("edit")(letter_commands.edit_command)
app.command("repair")(letter_commands.repair_command)
app.command("schedule")(letter_commands.schedule_command)
for name, plain in letter_commands.PLAIN.items():
    app.command(name, help=plain.help)(letter_commands.plain_command(name))
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
@selects()
def list_command(
    selection: Selection,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, oldest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first. With --json one letter per line."""
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.store import letters

    logs.silence()
    condition = selection.condition(now())
    with connections.database(connections.settings()) as database:
        total = database.transact(partial(count, condition=condition))
        ids = database.transact(partial(select, condition=condition, limit=limit))
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
        more = "" if selection.is_everything else ", and as asked for"
        print_out(f"No dead letters that are {', '.join(selection.statuses)}{more}.")
    if total > len(ids):
        print_err(f"{plural(total - len(ids), 'more letter')}; --limit {total} lists all.")


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
    due = None if row.due_at is None or row.status != "scheduled" else f"{readable(row.due_at)[:19]}Z"
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
