"""This file is what changes dead letters: edit, repair, schedule, and what needs no more than a reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from streams.clock import now
from streams.dead_letters.selection import Selection, read_due
from streams.interfaces.cli.operating import act_on
from streams.interfaces.cli.pausing import Reason
from streams.interfaces.cli.selecting import Every, LetterIds, selects
from streams.interfaces.common.errors import WrongUseError
from streams.interfaces.common.output import AsJson

if TYPE_CHECKING:
    from streams.dead_letters.letter_commands import Done, LetterCommands
    from streams.dead_letters.patching import Patch


class _Plain(NamedTuple):
    """An act that needs a reason alone."""

    help: str
    done: str
    status: str = "open"


PLAIN = {
    "discard": _Plain(
        "Give dead letters up. They stay readable, and `restore` brings them back.", "given up"
    ),
    "restore": _Plain("Park dead letters again that were given up.", "parked again", "discarded"),
    "unschedule": _Plain("Park dead letters that would be tried by themselves.", "parked", "scheduled"),
    "keep": _Plain(
        "Write open dead letters anew, so that their topic keeps them for another 28 days.", "kept"
    ),
    "erase": _Plain(
        "Take the records of dead letters out of the database, for good: nothing brings them back.\n\n"
        "Their topics still hold them until retention ends (28 days, requests 7); contacts and the ledger are not "
        "touched.",
        "erased",
    ),
}
"""What commands say of `streams.dead_letters.letter_commands.PLAIN_ACTS`, which they do."""


def plain_command(name: str) -> Callable[..., None]:
    """Give the command of a plain act."""

    @selects(status=PLAIN[name].status)
    def command(
        selection: Selection,
        reason: Reason,
        letter_ids: LetterIds = None,
        all_: Every = False,
        as_json: AsJson = False,
    ) -> None:
        async def act(desk: LetterCommands, ids: Sequence[str], why: str) -> Done:
            from streams.dead_letters.letter_commands import SIMPLE_COMMANDS

            return await SIMPLE_COMMANDS[name](desk, ids, why)

        done = PLAIN[name].done
        act_on(selection, letter_ids, act, is_all=all_, reason=reason, done=done, as_json=as_json)

    return command


@selects()
def schedule_command(
    selection: Selection,
    reason: Reason,
    at: Annotated[str, typer.Option("--at", metavar="WHEN", help="A moment, or in how long: 2h, 3d.")],
    letter_ids: LetterIds = None,
    all_: Every = False,
    as_json: AsJson = False,
) -> None:
    """Let the workers try dead letters at a moment, once."""
    due = read_due("--at", at, now())

    async def act(desk: LetterCommands, ids: Sequence[str], why: str) -> Done:
        return await desk.schedule(ids, due, why)

    done = f"scheduled for {due:%Y-%m-%d %H:%M:%SZ}"
    act_on(selection, letter_ids, act, is_all=all_, reason=reason, done=done, as_json=as_json)


@selects()
def repair_command(
    selection: Selection,
    reason: Reason,
    recipe: Annotated[str, typer.Option("--recipe", metavar="NAME", help="One of leads.toml's [[recipes]].")],
    letter_ids: LetterIds = None,
    all_: Every = False,
    as_json: AsJson = False,
) -> None:
    """Edit the records of many dead letters by a recipe of leads.toml. The first value stays readable."""
    from streams.interfaces.common import connections
    from streams.settings import load_config

    recipes = {each.name: each for each in load_config(connections.settings().config).recipes}
    if recipe not in recipes:
        names = ", ".join(recipes) or "none"
        raise WrongUseError(f"leads.toml has no recipe {recipe!r}; it has {names}")
    patch = recipes[recipe].as_patch()
    act_on(
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
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="A field of the record; a.b for one inside another."
        ),
    ] = None,
    unset: Annotated[
        list[str] | None, typer.Option("--unset", metavar="FIELD", help="Remove a field.")
    ] = None,
    patch: Annotated[
        Path | None, typer.Option("--patch", metavar="FILE", help="A JSON Patch (RFC 6902): a JSON array.")
    ] = None,
    value: Annotated[
        Path | None, typer.Option("--value", metavar="FILE", help="Take this file as the whole value.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="Read the record in this encoding, not as UTF-8.")
    ] = None,
    original: Annotated[bool, typer.Option("--original", help="Put the first value back.")] = False,
    all_: Every = False,
    as_json: AsJson = False,
) -> None:
    """Edit the records of dead letters. The event's id stays, so at most one version ever takes effect."""
    chosen = _patch(set_ or [], unset or [], patch, value, encoding, is_undone=original)
    act_on(
        selection, letter_ids, _editing(chosen), is_all=all_, reason=reason, done="edited", as_json=as_json
    )


def _editing(patch: Patch) -> Any:  # noqa: ANN401 - an async function of desk, ids and reason
    async def act(desk: LetterCommands, ids: Sequence[str], why: str) -> Done:
        return await desk.edit(ids, patch, why)

    return act


def _patch(
    given: Sequence[str],
    taken: Sequence[str],
    patch: Path | None,
    value: Path | None,
    encoding: str | None,
    *,
    is_undone: bool,
) -> Patch:
    import json

    from streams.dead_letters.patching import Patch, PatchError, settings_as_operations

    if sum((bool(given or taken or patch or encoding), value is not None, is_undone)) != 1:
        raise WrongUseError(
            "give --set, --unset, --patch and --encoding, or --value alone, or --original alone"
        )
    try:
        operations = settings_as_operations(given, taken)
        if patch is not None:
            found = json.loads(patch.read_bytes())
            if not isinstance(found, list):
                raise WrongUseError(f"--patch {patch} is no JSON array of operations")
            operations += found
        whole = None if value is None else value.read_bytes()
        return Patch("edit", operations, encoding, whole, is_undone)
    except (ValueError, RecursionError) as error:
        where = "" if isinstance(error, PatchError) else f"--patch {patch} is no JSON: "
        raise WrongUseError(f"{where}{error}") from None
