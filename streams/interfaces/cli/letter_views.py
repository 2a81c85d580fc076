"""`leads dead-letters` commands that show letters: `list`, `groups`, `stats`, `show` and `tail`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.chunks import chunked
from streams.clock import now, to_us
from streams.dead_letters.groups import groups, stats
from streams.dead_letters.selection import Selection, count, indexed_since, select
from streams.dead_letters.serialize import as_data, record_as_data
from streams.errors import SettingsError
from streams.interfaces.cli import logs
from streams.interfaces.cli.pausing import one_line
from streams.interfaces.cli.selecting import selects, whole_ids
from streams.interfaces.common import connections
from streams.interfaces.common.connections import Connections
from streams.interfaces.common.errors import WrongUseError
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
from streams.store import ledger, letters

if TYPE_CHECKING:
    from streams.dead_letters.prediction import Prediction
    from streams.settings import Settings
    from streams.store.engine import Database
    from streams.store.ledger import LedgerRow
    from streams.store.letters import LetterRow

SHORT_ID = 8
PAGE = 500
"""Letters read at once; each is read with its whole record."""
FULL_WIDTH = 160
"""Characters per line from which the list shows every column."""
MAX_BUILDS = 2
"""Builds of a group that are named in its row."""
POLL_S = 1.0
OVERLAP_US = 5_000_000
"""Several workers index, so a letter may become visible after one that was indexed later."""


@selects()
def list_command(
    selection: Selection,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Maximum number, oldest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first. With --json one letter per line."""
    logs.silence()
    condition = selection.condition(now())
    with connections.database(connections.settings()) as database:
        total = database.transact(partial(count, condition=condition))
        ids = database.transact(partial(select, condition=condition, limit=limit))
        for page in chunked(ids, PAGE):
            by_id = {row.letter.id: row for row in database.transact(partial(letters.get, ids=page))}
            rows = [by_id[letter_id] for letter_id in page if letter_id in by_id]
            if as_json:
                for row in rows:
                    write_json(as_data(row))
            else:
                _print_list(rows)
    if not ids and not as_json:
        more = "" if selection.is_everything else " and match the selection"
        *others, last = selection.statuses
        named = f"{', '.join(others)} or {last}" if others else last
        print_out(f"No dead letters that are {named}{more}.")
    if total > len(ids):
        print_err(f"{plural(total - len(ids), 'more letter')}; --limit {total} lists all.")


def _print_list(rows: Sequence[LetterRow]) -> None:
    columns = ("id", "status", "action", "code", "#gen.", "failed at", "next try", "lead", "message")
    cells = [_cells(row) for row in rows]
    if data().width < FULL_WIDTH:
        # The beginning of an id is enough to name a letter; `show` prints the other columns.
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


@selects()
def groups_command(
    selection: Selection,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number, the largest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Group dead letters by cause: same exception at the same place, same code, same action. Largest first.

    NEW marks a group first seen within the last 24 hours. With --json one group per line.
    """
    logs.silence()
    condition = selection.condition(now())
    with connections.database(connections.settings()) as database:
        rows = database.transact(partial(groups, condition=condition, now=now(), limit=limit + 1))
    shown = rows[:limit]
    if as_json:
        for group in shown:
            write_json(asdict(group))
    elif shown:
        columns = (
            "group",
            "",
            "#letters",
            "#scheduled",
            "action",
            "code",
            "class",
            "builds",
            "first seen",
            "last seen",
            "sample",
        )
        write_table(
            columns,
            [
                (
                    group.fingerprint,
                    "NEW" if group.is_new else "",
                    f"{group.count:,}",
                    group.scheduled,
                    group.action,
                    group.code,
                    group.failure_class,
                    _builds(group.versions),
                    readable_text(group.first_seen),
                    readable_text(group.last_seen),
                    group.sample[:SHORT_ID],
                )
                for group in shown
            ],
        )
        print_err("`leads dead-letters list --group GROUP` lists one group, `show ID` explains one letter.")
    else:
        print_out("No dead letters.")
    if len(rows) > limit:
        print_err(f"There are more than {limit} groups; --limit shows more.")


def _builds(versions: Sequence[str]) -> str:
    more = f" and {len(versions) - MAX_BUILDS} more" if len(versions) > MAX_BUILDS else ""
    return ", ".join(versions[:MAX_BUILDS]) + more


@selects(status="all")
def stats_command(selection: Selection, as_json: AsJson = False) -> None:
    """Count dead letters by status, class, action and code, and show how long the oldest open one is still kept."""
    logs.silence()
    condition = selection.condition(now())
    with connections.database(connections.settings()) as database:
        counted = database.transact(partial(stats, condition=condition, now=now()))
    if as_json:
        left = None if counted.headroom is None else counted.headroom.total_seconds()
        write_json({**counted.by, "oldest_open": counted.oldest_open, "headroom_seconds": left})
        return
    for name, counts in counted.by.items():
        if counts:
            write_table((name, "#letters"), [(value, f"{many:,}") for value, many in counts.items()])
    if not counted.by["status"]:
        print_out("No dead letters.")
    if counted.oldest_open is not None and counted.headroom is not None:
        print_out(
            f"Oldest open: {readable_text(counted.oldest_open)}; its topic keeps it {_left(counted.headroom)}."
        )


def _left(headroom: timedelta) -> str:
    if headroom.total_seconds() <= 0:
        return "no longer"
    days = headroom.days
    return f"for {plural(days, 'more day')}" if days else f"for {headroom.seconds // 3600} more hours"


# ---------------------------------------------------------------------------------------------------- one letter


def show_command(
    letter_id: Annotated[
        str, typer.Argument(metavar="ID", help="The id, or its first six characters or more.")
    ],
    reveal: Annotated[
        bool,
        typer.Option(
            "--reveal",
            help="Print key, value and headers of the record, which hold personal data. Needs --reason.",
        ),
    ] = False,
    reason: Annotated[
        str | None,
        typer.Option("--reason", help="Reason for reading the record; it is written to the audit topic."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain one dead letter: what happened, what is committed for its lead, and what a replay would do."""
    logs.silence()
    if reveal and reason is None:
        raise WrongUseError("--reveal shows personal data and is audited; it needs a --reason")
    settings = connections.settings()
    with connections.database(settings) as database:
        row = database.transact(partial(letters.get, ids=whole_ids(database, [letter_id])))[0]
        done = [] if row.lead_id is None else database.transact(partial(ledger.of_lead, lead_id=row.lead_id))
        would = _preview(settings, database, row)
        if reveal:
            why, whole_id = one_line(reason or ""), row.letter.id
            with connections.kafka(settings) as address:
                connections.with_letters(
                    Connections(settings, database, address), lambda commands: commands.reveal(whole_id, why)
                )
    record = record_as_data(row, is_revealed=reveal)
    facts = as_data(row) | {"exception": row.letter.exception, "stacktrace": row.letter.stacktrace}
    if as_json:
        replay = None if isinstance(would, str) else would.as_data(is_revealed=reveal)
        committed = [{"action": entry.action, "event": entry.result_type} for entry in done if entry.is_done]
        write_json(facts | {"record": record, "committed": committed, "replay": replay})
        return
    _explain(row, done, would)
    for name, value in facts.items():
        if value is not None:
            print_out(f"{name:16} {str(value).replace(chr(10), chr(10) + ' ' * 17)}")
    print_out("record")
    for name, value in record.items():
        if name == "headers":
            for header in value:
                print_out(f"  header         {header['name']}: {_header_text(header)}")
        else:
            print_out(f"  {name:14} {value}")
    if not reveal:
        print_err(
            "The record's content is hidden because it holds personal data; --reveal --reason TEXT prints it."
        )


def _preview(settings: Settings, database: Database, row: LetterRow) -> Prediction | str:
    """Return what a replay would do, or why that cannot be previewed."""
    try:
        preview = connections.preview(settings, database)
    except SettingsError as error:
        return str(error)
    return next(prediction for _, prediction in preview.of([row.letter.id]))


def _explain(row: LetterRow, done: list[LedgerRow], would: Prediction | str) -> None:
    from streams.dead_letters.describe import what_happened, what_is_done, what_would_come

    sentences = [*what_happened(row), *what_is_done(done)]
    if isinstance(would, str):
        sentences.append(f"A replay cannot be previewed with these settings: {would}.")
    else:
        sentences += what_would_come(would)
    for sentence in sentences:
        print_out(" ".join(sentence.split()))  # a foreign letter's message may hold line ends
    print_out("")


def _header_text(header: dict[str, Any]) -> str:
    if "value_base64" in header:
        return f"{header['value_base64']} (base64)"
    if "value" in header:
        return "null" if header["value"] is None else str(header["value"])
    return f"{header['bytes']} bytes"


# ---------------------------------------------------------------------------------------------------- tail


@selects()
def tail_command(
    selection: Selection,
    seconds: Annotated[
        float | None, typer.Option("--for", min=0, metavar="SECONDS", help="Stop after this time.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print dead letters as they are indexed, until Ctrl-C. With --json one per line."""
    logs.silence()
    condition = selection.condition(now())
    ends = None if seconds is None else time.monotonic() + seconds
    with connections.database(connections.settings()) as database:
        begun = to_us(now())
        seen: dict[tuple[str, int], int] = {}
        print_err("Waiting for dead letters; Ctrl-C stops.")
        while ends is None or time.monotonic() < ends:
            since = max(begun, to_us(now()) - OVERLAP_US)
            recent = database.transact(
                partial(indexed_since, condition=condition, since_us=since, limit=PAGE)
            )
            new = [key for key in recent if key not in seen]
            seen = {key: at for key, at in {**seen, **recent}.items() if at >= since}
            ids = [letter_id for letter_id, _ in new]
            for row in database.transact(partial(letters.get, ids=ids)) if ids else ():
                if as_json:
                    write_json(as_data(row))
                else:
                    print_out(_line(row))
            if len(new) < PAGE:
                time.sleep(POLL_S)


def _line(row: LetterRow) -> str:
    letter = row.letter
    again = f", generation {letter.generation}" if letter.generation else ""
    return (
        f"{readable_text(letter.time)}  {letter.id}  {letter.action}  {letter.code}{again}: "
        f"{' '.join(letter.message.split())}"
    )
