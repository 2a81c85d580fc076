"""`leads pause`, `leads resume` and `leads cancel`: what a person asks the workers to leave undone."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from streams.interfaces.common.errors import CommandError, WrongUseError
from streams.interfaces.common.output import AsJson, plural, print_out, write_json

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from streams.store.letters import LetterRow

Reason = Annotated[
    str,
    typer.Option("--reason", help="Why; whoever looks next reads it. No personal data.", show_default=False),
]
StepName = Annotated[str, typer.Argument(metavar="STEP", help="The name of an action, in kebab-case.")]


def pause(step: StepName, reason: Reason, as_json: AsJson = False) -> None:
    """Let all workers begin nothing more of a step, until `leads resume`. What it reads waits on its topic.

    Exit codes: 0 it pauses, 1 a person had paused it before.
    """
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.store import pauses

    logs.silence()
    name, why, who = _step(step), one_line(reason), getpass.getuser()
    with connections.database(connections.settings()) as database:
        is_new = database.transact(lambda connection: pauses.pause(connection, name, why, who, _now_us()))
        (row,) = [row for row in database.transact(pauses.by_hand) if row.step == name]
    found = {"step": _kebab(name), "is_new": is_new, "reason": row.reason, "by": row.paused_by}
    if not is_new:
        if as_json:
            write_json(found)
        raise CommandError(
            f"{_kebab(name)} pauses already: {row.paused_by} said {row.reason!r}; "
            f"`leads resume {_kebab(name)}` ends that"
        )
    if as_json:
        write_json(found)
    else:
        print_out(f"{_kebab(name)} pauses within seconds; `leads resume {_kebab(name)}` lets it go on.")


def resume(step: StepName, as_json: AsJson = False) -> None:
    """Let a step go on that a person paused. One that pauses by itself goes on by itself.

    Exit codes: 0 it goes on, 1 no person had paused it.
    """
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.store import pauses

    logs.silence()
    name = _step(step)
    with connections.database(connections.settings()) as database:
        was_paused = database.transact(lambda connection: pauses.resume(connection, name))
    if as_json:
        write_json({"step": _kebab(name), "was_paused": was_paused})
    if not was_paused:
        raise CommandError(f"no person paused {_kebab(name)}; `leads status` shows what pauses, and why")
    if not as_json:
        print_out(f"{_kebab(name)} goes on within seconds.")


def cancel(
    lead: Annotated[str, typer.Argument(metavar="LEAD", help="The id of a lead.")],
    reason: Reason,
    runs: Annotated[
        list[str] | None,
        typer.Option(
            "--run", help="Only this run, as `leads show --json` names it; may be given several times."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """End the runs of a lead: no further action of them runs, their open dead letters are discarded.

    What was done stays done: contacts are not deleted, mails not called back.

    Exit codes: 0 they are cancelled, 1 nothing is known of the lead.
    """
    from streams.dead_letters.letter_commands import entry_of
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.interfaces.common.connections import Connections
    from streams.store import letter_replays, letters, pauses
    from streams.store.queries import lead_history

    logs.silence()
    why, who = one_line(reason), getpass.getuser()
    settings = connections.settings()
    with connections.database(settings) as database:
        known = database.transact(lambda connection: lead_history(connection, lead))
        found = list(runs or ([] if known is None else [run.correlation_id for run in known.runs]))
        about = [] if known is None else known.letters
        mine = [row for row in about if not runs or _run_of(row) in runs]
        if not found and not mine:
            raise CommandError(
                f"nothing is known of lead {lead!r}: the id is misspelt, or no worker has read it yet; "
                f"`leads show {lead}` tells when one has"
            )
        open_ = [row for row in mine if row.status in letters.OPEN]
        if open_:
            entries = [entry_of("discard", row) for row in open_]
            with connections.kafka(settings) as address:
                connections.with_letters(
                    Connections(settings, database, address),
                    lambda commands: commands.audit.write(why, entries),
                )

        def unit(connection: Connection) -> int:
            now_us = _now_us()
            pauses.cancel(connection, [pauses.Cancellation(run, lead, why, who, now_us) for run in found])
            return letter_replays.discard(connection, [row.letter.id for row in open_], now_us)

        gone = database.transact(unit)
    if as_json:
        write_json({"lead_id": lead, "runs": found, "discarded": gone})
    else:
        letters_gone = plural(gone, "open dead letter")
        print_out(f"{plural(len(found), 'run')} of {lead} cancelled, {letters_gone} discarded.")


def _step(text: str) -> str:
    from streams.onboarding import ONBOARDING

    names = [step.name for step in ONBOARDING.steps]
    name = text.replace("-", "_")
    if name not in names:
        raise WrongUseError(f"there is no step {text!r}; the steps are {', '.join(map(_kebab, names))}")
    return name


def one_line(reason: str) -> str:
    """Return a reason on one line. Raise `WrongUseError` when it is empty."""
    if not reason.strip():
        raise WrongUseError("--reason is empty; say in a few words why")
    reason.encode()  # what is not UTF-8 ends the command here, and not where it is to be written
    return " ".join(reason.split())[:500]


def _run_of(row: LetterRow) -> str:
    from topics import ids

    headers = {name: (value or b"").decode(errors="replace") for name, value in row.headers}
    begins = ids.run_id(headers.get("ce_source", ""), headers.get("ce_id", ""))
    return headers.get("ce_correlationid") or begins


def _kebab(name: str) -> str:
    return name.replace("_", "-")


def _now_us() -> int:
    import time

    return time.time_ns() // 1000
