"""`leads dead-letters` commands that change letters: edit, schedule, discard, export, import, reindex and others."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from streams.clock import now
from streams.dead_letters.selection import USUAL_STATUS, Selection, read_due
from streams.interfaces.cli import logs
from streams.interfaces.cli.pausing import Reason, one_line
from streams.interfaces.cli.selecting import Every, LetterIds, chosen_ids, selects
from streams.interfaces.common import connections
from streams.interfaces.common.connections import Connections
from streams.interfaces.common.errors import NOT_DONE, WrongUseError
from streams.interfaces.common.output import AsJson, plural, print_err, print_out, write_json
from streams.interfaces.common.progress import Report, reporting

if TYPE_CHECKING:
    from streams.dead_letters.letter_commands import Done, LetterCommands
    from streams.dead_letters.patching import Patch
    from streams.operations.recovery.reindexing import Reindexed

SHOWN = 20
"""Number of letters that are listed by id; --json lists all."""
CommandOnLetters = Callable[["LetterCommands", Sequence[str], str], Awaitable["Done"]]


def run_on_letters(
    selection: Selection,
    letter_ids: Sequence[str] | None,
    command: CommandOnLetters,
    *,
    is_all: bool,
    reason: str,
    done: str,
    as_json: bool,
) -> None:
    """Run a command on the selected letters, and name each that stays unchanged.

    Exit code 0 when all were changed (or none was selected), else 1.
    """
    logs.silence()
    why = one_line(reason)
    with connections.connected() as connected:
        ids = chosen_ids(connected.database, selection, letter_ids, is_all=is_all)
        if not ids:
            print_err("There is no such dead letter: nothing to do.")
            return
        result = connections.with_letters(connected, lambda commands: command(commands, ids, why))
    _report(result, done, as_json=as_json)
    if result.skipped:
        raise typer.Exit(NOT_DONE)


def _report(result: Done, done: str, *, as_json: bool) -> None:
    if as_json:
        skipped = [{"id": letter.id, "reason": letter.reason} for letter in result.skipped]
        write_json({"changed": result.changed, "skipped": skipped})
        return
    print_out(f"{plural(len(result.changed), 'letter')} {done}.")
    for letter in result.skipped[:SHOWN]:
        print_err(f"{letter.id} stays unchanged: {letter.reason}")
    if len(result.skipped) > SHOWN:
        print_err(f"{plural(len(result.skipped) - SHOWN, 'more letter')} unchanged; --json lists all.")


class _Text(NamedTuple):
    """Help of a simple command, and the participle for letters that it has changed."""

    help: str
    done: str


SIMPLE_TEXTS = {
    "discard": _Text(
        "Discard dead letters. They stay readable, and `restore` parks them again.", "discarded"
    ),
    "restore": _Text("Park dead letters that were discarded.", "parked again"),
    "unschedule": _Text("Park dead letters that workers would retry automatically.", "parked"),
    "keep": _Text(
        "Publish open dead letters again, so that their topic keeps them for another 28 days.", "kept"
    ),
    "erase": _Text(
        "Delete the records of dead letters from the database for good; nothing restores them.\n\n"
        "Their topics keep them until retention ends (28 days, requests 7); contacts and the ledger are not changed.",
        "erased",
    ),
}
"""By name of `SIMPLE_COMMANDS`."""


def simple_command(name: str) -> Callable[..., None]:
    """Return the command of this name; beyond the selection it takes only a reason."""

    @selects(status=USUAL_STATUS.get(name, "open"))
    def command(
        selection: Selection,
        reason: Reason,
        letter_ids: LetterIds = None,
        all_: Every = False,
        as_json: AsJson = False,
    ) -> None:
        from streams.dead_letters.letter_commands import SIMPLE_COMMANDS

        run_on_letters(
            selection,
            letter_ids,
            SIMPLE_COMMANDS[name],
            is_all=all_,
            reason=reason,
            done=SIMPLE_TEXTS[name].done,
            as_json=as_json,
        )

    return command


@selects()
def schedule_command(
    selection: Selection,
    reason: Reason,
    at: Annotated[
        str, typer.Option("--at", metavar="WHEN", help="A moment, or a duration from now: 2h, 3d.")
    ],
    letter_ids: LetterIds = None,
    all_: Every = False,
    as_json: AsJson = False,
) -> None:
    """Let workers retry dead letters once, at a moment."""
    due = read_due("--at", at, now())

    async def schedule(commands: LetterCommands, ids: Sequence[str], why: str) -> Done:
        return await commands.schedule(ids, due, why)

    done = f"scheduled for {due:%Y-%m-%d %H:%M:%SZ}"
    run_on_letters(selection, letter_ids, schedule, is_all=all_, reason=reason, done=done, as_json=as_json)


@selects()
def repair_command(
    selection: Selection,
    reason: Reason,
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="NAME", help="Name of one of the [[recipes]] in leads.toml.")
    ],
    letter_ids: LetterIds = None,
    all_: Every = False,
    as_json: AsJson = False,
) -> None:
    """Edit the records of many dead letters by a recipe of leads.toml. The first value stays readable."""
    from streams.settings import load_config

    recipes = {entry.name: entry for entry in load_config(connections.settings().config).recipes}
    if recipe not in recipes:
        names = ", ".join(recipes) or "none"
        raise WrongUseError(f"leads.toml has no recipe {recipe!r}; it has {names}")
    patch = recipes[recipe].as_patch()
    run_on_letters(
        selection,
        letter_ids,
        _editing(patch),
        is_all=all_,
        reason=reason,
        done=f"edited by {patch.name}",
        as_json=as_json,
    )


@selects()
def edit_command(  # noqa: PLR0913, PLR0917 - one per option
    selection: Selection,
    reason: Reason,
    letter_ids: LetterIds = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Set a field of the record; a.b for a nested one."),
    ] = None,
    unset: Annotated[
        list[str] | None, typer.Option("--unset", metavar="FIELD", help="Remove a field.")
    ] = None,
    patch: Annotated[
        Path | None, typer.Option("--patch", metavar="FILE", help="A JSON Patch (RFC 6902): a JSON array.")
    ] = None,
    value: Annotated[
        Path | None, typer.Option("--value", metavar="FILE", help="Use this file as the whole value.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="Read the record in this encoding, not as UTF-8.")
    ] = None,
    original: Annotated[bool, typer.Option("--original", help="Restore the first value.")] = False,
    all_: Every = False,
    as_json: AsJson = False,
) -> None:
    """Edit the records of dead letters. The event keeps its id, so at most one version ever takes effect."""
    chosen = _patch(set_ or [], unset or [], patch, value, encoding, restores_original=original)
    run_on_letters(
        selection, letter_ids, _editing(chosen), is_all=all_, reason=reason, done="edited", as_json=as_json
    )


def _editing(patch: Patch) -> CommandOnLetters:
    async def edit(commands: LetterCommands, ids: Sequence[str], why: str) -> Done:
        return await commands.edit(ids, patch, why)

    return edit


def _patch(
    assignments: Sequence[str],
    removed: Sequence[str],
    patch: Path | None,
    value: Path | None,
    encoding: str | None,
    *,
    restores_original: bool,
) -> Patch:
    from streams.dead_letters.patching import Patch, PatchError, settings_as_operations

    if sum((bool(assignments or removed or patch or encoding), value is not None, restores_original)) != 1:
        raise WrongUseError(
            "combine --set, --unset, --patch and --encoding, or use --value alone, or --original alone"
        )
    try:
        operations = settings_as_operations(assignments, removed)
        if patch is not None:
            document = json.loads(patch.read_bytes())
            if not isinstance(document, list):
                raise WrongUseError(f"--patch {patch} is not a JSON array of operations")
            operations += document
        whole = None if value is None else value.read_bytes()
        return Patch("edit", operations, encoding, whole, restores_original)
    except (ValueError, RecursionError) as error:
        where = "" if isinstance(error, PatchError) else f"--patch {patch} is not valid JSON: "
        raise WrongUseError(f"{where}{error}") from None


# ---------------------------------------------------------------------------------------------------- export and import


@selects()
def export_command(
    selection: Selection,
    file: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help="File to write; only its owner can read it (mode 600)."),
    ],
    reason: Reason,
    letter_ids: LetterIds = None,
    all_: Every = False,
) -> None:
    """Write whole dead letters into a file, one per line (NDJSON). It holds personal data; each letter is audited."""
    from streams.dead_letters.serialize import dump

    logs.silence()
    why = one_line(reason)
    with connections.connected() as connected:
        ids = chosen_ids(connected.database, selection, letter_ids, is_all=all_)
        draft = file.with_name(file.name + ".part")

        async def write(commands: LetterCommands) -> int:
            done = 0
            with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as written:
                async for row in commands.export_letters(ids, why):
                    written.write(dump(row))
                    done += 1
            return done

        done = connections.with_letters(connected, write)
        draft.replace(file)
    left = f", {len(ids) - done:,} left out because their records are gone" if done < len(ids) else ""
    print_err(f"{plural(done, 'letter')} written into {file}{left}.")


def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `export` wrote.")], reason: Reason
) -> None:
    """Import dead letters from a file: publish them on the dead-letter topic, from which workers index them.

    Nothing is imported when a line cannot be read. A letter that is known at this generation stays unchanged.
    """
    from streams.dead_letters.serialize import TransferError, load

    logs.silence()
    why = one_line(reason)
    try:
        with file.open("rb") as lines:
            rows = list(load(lines))
    except TransferError as error:
        raise WrongUseError(f"{file}: {error}; nothing was imported") from None
    with connections.connected() as connected:
        done = connections.with_letters(connected, lambda commands: commands.import_letters(rows, why))
    print_err(f"{plural(done, 'letter')} imported.")


def reindex_command(as_json: AsJson = False) -> None:
    """Rebuild the index from the topics: letters, edits, decisions, and later successes.

    Letters that are indexed already stay. Workers may run; the command can be interrupted and repeated.
    """
    logs.silence()
    with connections.connected() as connected, reporting() as report:
        done = asyncio.run(_reindex(connected, report))
    if as_json:
        write_json(asdict(done))
        return
    print_out(
        f"Read {plural(done.letters, 'letter')}: {done.decided:,} decided by people, {done.resolved:,} resolved since."
    )
    if done.foreign:
        print_out(f"Left out {plural(done.foreign, 'record')} on the topic that are not dead letters.")


async def _reindex(connected: Connections, report: Report) -> Reindexed:
    from streams.kafka.log import open_log
    from streams.kafka.producer import NoBroker
    from streams.operations.recovery.reindexing import Reindexer
    from streams.wiring import installation_of

    installation = installation_of(connected.settings, None, connected.database, NoBroker())
    async with (
        connections.admin(connected.address) as admin,
        open_log(admin, connected.address, installation.topics, installation.group) as log,
    ):
        return await Reindexer(installation, log, report).run()
