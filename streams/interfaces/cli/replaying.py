"""This file is `leads dead-letters replay`: do again what failed, and tell what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from streams.dead_letters.selection import Selection
from streams.interfaces.cli.pausing import one_line
from streams.interfaces.cli.selecting import chosen_ids, selects
from streams.interfaces.common.errors import INTERRUPTED, NOT_DONE, UnreachableError
from streams.interfaces.common.output import AsJson, plural, print_err, print_out, write_json

if TYPE_CHECKING:
    from streams.dead_letters.letter_commands import LetterCommands
    from streams.dead_letters.replay import Replay, ReplayOutcome
    from streams.store.engine import Database

WAIT_S = 30.0
POLL_S = 0.25
ANSWER_WITHIN_S = 30.0
RECORDS_PER_S = 100


@selects()
def replay_command(
    selection: Selection,
    letter_ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID…", help="Ids, or their first six characters or more.")
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Every open letter whose replay is safe: all but UNCERTAIN ones.")
    ] = False,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Wait so long for the outcomes.")
    ] = WAIT_S,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Ask and end; letters then count as pending.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why; it is written into the audit topic.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Do again what failed: the action that failed, with the record as it was, and nothing else.

    What was done meanwhile is not done twice: it ends as `noop`. With --json one outcome per line.

    Exit codes: 0 none failed again or is pending (also when there was nothing to do), 1 some did or are.
    """
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.interfaces.common.connections import Connections

    logs.silence()
    settings = connections.settings()
    with connections.database(settings) as database:
        ids = free_letters(
            database,
            chosen_ids(database, selection, letter_ids, is_all=all_),
            is_named=bool(letter_ids or selection.id),
        )
        if not ids:
            print_err("There is no open dead letter to replay: nothing to do.")
            return
        with connections.kafka(settings) as address:
            teller = _Teller(as_json=as_json)
            try:
                why = None if reason is None else one_line(reason)
                seconds = 0.0 if no_wait else wait
                connections.with_letters(
                    Connections(settings, database, address),
                    lambda commands: _replay(commands, ids, teller, seconds, why),
                )
            except KeyboardInterrupt:
                raise typer.Exit(INTERRUPTED) from None
    teller.conclude(is_waiting=not no_wait)


class _Teller:
    """Prints outcomes as they come, and says at the end how it went."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._counts: dict[str, int] = {}

    def tell(self, outcomes: Sequence[ReplayOutcome], job: str) -> None:
        for outcome in outcomes:
            self._counts[outcome.verdict] = self._counts.get(outcome.verdict, 0) + 1
            if self._as_json:
                write_json(
                    {
                        "id": outcome.id,
                        "outcome": outcome.verdict,
                        "action": outcome.action,
                        "code": outcome.code,
                        "generation": outcome.generation,
                        "status": outcome.status,
                        "job": job,
                    }
                )
            else:
                why = f" ({outcome.code})" if outcome.verdict == "failed again" else ""
                print_out(f"{outcome.id}  {outcome.action:24} {outcome.verdict}{why}")

    def conclude(self, *, is_waiting: bool) -> None:
        print_err(", ".join(f"{count:,} {verdict}" for verdict, count in self._counts.items()) + ".")
        if self._counts.get("pending") and is_waiting:
            print_err(
                "Pending: no worker told an outcome in time. Is `leads worker` running? The request stays where it is."
            )
        if self._counts.get("pending") or self._counts.get("failed again"):
            raise typer.Exit(NOT_DONE)


async def _replay(
    commands: LetterCommands, ids: Sequence[str], teller: _Teller, wait: float, reason: str | None
) -> None:
    from streams.dead_letters.audit import Entry
    from streams.dead_letters.replay import Replay

    replay = Replay(commands.installation)
    await commands.audit.write(reason, [Entry("replay", letter_id, {"job": replay.job}) for letter_id in ids])
    try:
        # The client itself would wait for ever for a broker that is gone.
        async with asyncio.timeout(ANSWER_WITHIN_S + len(ids) / RECORDS_PER_S):
            async for outcome in replay.ask(ids):
                teller.tell([outcome], replay.job)
    except TimeoutError:
        raise UnreachableError(
            "Kafka did not take the requests in time; a worker asks again for these letters in a minute"
        ) from None
    try:
        await _watch(replay, teller, wait)
    finally:
        teller.tell(replay.pending, replay.job)


async def _watch(replay: Replay, teller: _Teller, wait: float) -> None:
    deadline = time.monotonic() + wait
    while replay.pending and time.monotonic() < deadline:
        await asyncio.sleep(min(POLL_S, max(0.0, deadline - time.monotonic())))
        teller.tell(await replay.look(), replay.job)


def free_letters(database: Database, ids: Sequence[str], *, is_named: bool) -> list[str]:
    """Leave out letters that a replay job has in hand, and uncertain ones unless they are named by id."""
    from streams.store.queries import held_letter_ids, uncertain_letter_ids

    held = database.transact(partial(held_letter_ids, ids=ids))
    if held:
        print_err(
            f"{plural(len(held), 'letter')} left out: a replay job has them in hand; "
            "`leads dead-letters jobs list` shows it."
        )
    uncertain = set() if is_named else database.transact(partial(uncertain_letter_ids, ids=ids))
    if uncertain:
        # Asking again makes the call again: that is for who has looked at the other side, letter by letter.
        print_err(
            f"{plural(len(uncertain), 'letter')} left out: a worker was cut off while calling, and the call may have "
            "been made. `leads dead-letters list` shows UNCERTAIN ones; replay them by id once you have looked."
        )
    return [each for each in ids if each not in held and each not in uncertain]
