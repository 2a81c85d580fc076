"""`leads pause`, `leads resume` and `leads cancel`: keep workers from starting a step, or from continuing a run."""

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
    typer.Option("--reason", help="Reason, for those who look later. No personal data.", show_default=False),
]
StepName = Annotated[str, typer.Argument(metavar="STEP", help="The name of an action, in kebab-case.")]


def pause(step: StepName, reason: Reason, as_json: AsJson = False) -> None:
    """Stop all workers from starting a step until `leads resume`. Its events wait on their topic.

    Exit codes: 0 it pauses, 1 a person had paused it before.
    """
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.store import pauses

    logs.silence()
    name, why, user = _step(step), one_line(reason), getpass.getuser()
    with connections.database(connections.settings()) as database:
        is_new = database.transact(lambda connection: pauses.pause(connection, name, why, user, _now_us()))
        (row,) = [row for row in database.transact(pauses.by_hand) if row.step == name]
    result = {"step": _kebab(name), "is_new": is_new, "reason": row.reason, "by": row.paused_by}
    if not is_new:
        if as_json:
            write_json(result)
        raise CommandError(
            f"{_kebab(name)} is paused already by {row.paused_by}: {row.reason!r}; "
            f"`leads resume {_kebab(name)}` resumes it"
        )
    if as_json:
        write_json(result)
    else:
        print_out(f"{_kebab(name)} pauses within seconds; `leads resume {_kebab(name)}` resumes it.")


def resume(step: StepName, as_json: AsJson = False) -> None:
    """Resume a step that a person paused. One that pauses automatically resumes automatically.

    Exit codes: 0 it resumes, 1 no person had paused it.
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
        raise CommandError(
            f"no person paused {_kebab(name)}; `leads status` shows the paused steps and the reasons"
        )
    if not as_json:
        print_out(f"{_kebab(name)} resumes within seconds.")


def cancel(
    lead: Annotated[str, typer.Argument(metavar="LEAD", help="The id of a lead.")],
    reason: Reason,
    runs: Annotated[
        list[str] | None,
        typer.Option(
            "--run", help="Only this run (`correlation_id` in `leads show --json`); may be repeated."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """End the runs of a lead: none of their further actions runs, and their open dead letters are discarded.

    What was done stays done: contacts are not deleted, mails not recalled.

    Exit codes: 0 they are cancelled, 1 the lead is unknown.
    """
    from streams.dead_letters.letter_commands import entry_of
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.interfaces.common.connections import Connections
    from streams.store import letter_replays, letters, pauses
    from streams.store.queries import lead_history

    logs.silence()
    why, user = one_line(reason), getpass.getuser()
    settings = connections.settings()
    with connections.database(settings) as database:
        known = database.transact(lambda connection: lead_history(connection, lead))
        run_ids = list(runs or ([] if known is None else [run.correlation_id for run in known.runs]))
        all_letters = [] if known is None else known.letters
        affected = [row for row in all_letters if not runs or _run_of(row) in runs]
        if not run_ids and not affected:
            raise CommandError(
                f"lead {lead!r} is unknown: the id is misspelt, or no worker has read it yet; "
                f"`leads show {lead}` finds it once one has"
            )
        open_ = [row for row in affected if row.status in letters.OPEN]
        if open_:
            entries = [entry_of("discard", row) for row in open_]
            with connections.kafka(settings) as address:
                connections.with_letters(
                    Connections(settings, database, address),
                    lambda commands: commands.audit.write(why, entries),
                )

        def unit(connection: Connection) -> int:
            now_us = _now_us()
            pauses.cancel(connection, [pauses.Cancellation(run, lead, why, user, now_us) for run in run_ids])
            return letter_replays.discard(connection, [row.letter.id for row in open_], now_us)

        discarded = database.transact(unit)
    if as_json:
        write_json({"lead_id": lead, "runs": run_ids, "discarded": discarded})
    else:
        letters_text = plural(discarded, "open dead letter")
        print_out(f"{plural(len(run_ids), 'run')} of {lead} cancelled, {letters_text} discarded.")


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
    reason.encode()  # text that is not UTF-8 must end the command before anything is written
    return " ".join(reason.split())[:500]


def _run_of(row: LetterRow) -> str:
    from topics import ids

    headers = {name: (value or b"").decode(errors="replace") for name, value in row.headers}
    begun_by_itself = ids.run_id(headers.get("ce_source", ""), headers.get("ce_id", ""))
    return headers.get("ce_correlationid") or begun_by_itself


def _kebab(name: str) -> str:
    return name.replace("_", "-")


def _now_us() -> int:
    import time

    return time.time_ns() // 1000
