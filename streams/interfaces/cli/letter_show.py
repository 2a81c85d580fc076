"""This file is `leads dead-letters show`: one letter explained, its record only with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.dead_letters.serialize import as_data, record_as_data
from streams.interfaces.cli.operating import with_desk
from streams.interfaces.cli.pausing import said
from streams.interfaces.cli.selecting import whole_ids
from streams.interfaces.common.errors import WrongUseError
from streams.interfaces.common.output import AsJson, print_err, print_out, write_json

if TYPE_CHECKING:
    from streams.dead_letters.prediction import Prediction
    from streams.settings import Settings
    from streams.store.engine import Database
    from streams.store.ledger import LedgerRow
    from streams.store.letters import LetterRow


def show_command(
    letter_id: Annotated[
        str, typer.Argument(metavar="ID", help="The id, or its first six characters or more.")
    ],
    reveal: Annotated[
        bool,
        typer.Option(
            "--reveal",
            help="Print key, value and headers of the record: they hold personal data. Needs --reason.",
        ),
    ] = False,
    reason: Annotated[
        str | None,
        typer.Option("--reason", help="Why the record is read; it is written into the audit topic."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain one dead letter: what happened, what is committed already for its lead, and what a replay would do."""
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.store import ledger, letters

    logs.silence()
    if reveal and reason is None:
        raise WrongUseError("--reveal shows personal data and is audited; say why with --reason")
    settings = connections.settings()
    with connections.database(settings) as database:
        found = whole_ids(database, [letter_id])
        row = database.transact(lambda connection: letters.get(connection, found))[0]
        lead = row.lead_id
        rows = [] if lead is None else database.transact(lambda connection: ledger.of_lead(connection, lead))
        would = _preview(settings, database, row)
        if reveal:
            why, named = said(reason or ""), row.letter.id
            with_desk(settings, database, lambda desk: desk.reveal(named, why))
    record = record_as_data(row, is_revealed=reveal)
    facts = as_data(row) | {"exception": row.letter.exception, "stacktrace": row.letter.stacktrace}
    if as_json:
        replay = None if isinstance(would, str) else would.as_data(is_revealed=reveal)
        committed = [{"action": each.action, "event": each.result_type} for each in rows if each.is_done]
        write_json(facts | {"record": record, "committed": committed, "replay": replay})
        return
    _explain(row, rows, would)
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
            "The record's content is hidden, as it holds personal data; --reveal --reason TEXT prints it."
        )


def _preview(settings: Settings, database: Database, row: LetterRow) -> Prediction | str:
    """Give what a replay would do, or why that is not known here."""
    from streams.errors import SettingsError
    from streams.interfaces.cli.letter_plans import previewing

    try:
        with previewing(settings, database) as preview:
            return next(found for _, found in preview.of([row.letter.id]))
    except SettingsError as error:
        return str(error)


def _explain(row: LetterRow, rows: list[LedgerRow], would: Prediction | str) -> None:
    from streams.dead_letters.describe import what_happened, what_is_done, what_would_come

    sentences = [*what_happened(row), *what_is_done(rows)]
    if isinstance(would, str):
        sentences.append(f"What a replay would do is not known here: {would}.")
    else:
        sentences += what_would_come(would)
    for sentence in sentences:
        print_out(" ".join(sentence.split()))  # a foreign letter may have put lines of its own there
    print_out("")


def _header_text(header: dict[str, Any]) -> str:
    if "value_base64" in header:
        return f"{header['value_base64']} (base64)"
    if "value" in header:
        return "null" if header["value"] is None else str(header["value"])
    return f"{header['bytes']} bytes"
