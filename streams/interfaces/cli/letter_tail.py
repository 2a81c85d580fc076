"""This file is `leads dead-letters tail`: letters as they come in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from streams.clock import now, to_us
from streams.dead_letters.selection import Selection, indexed_since
from streams.dead_letters.serialize import as_data
from streams.interfaces.cli.selecting import selects
from streams.interfaces.common.output import AsJson, print_err, print_out, readable_text, write_json

if TYPE_CHECKING:
    from streams.store.letters import LetterRow

POLL_S = 1.0
OVERLAP_US = 5_000_000
"""Workers index side by side: a letter may be seen after one that was indexed later."""
AT_ONCE = 500


@selects()
def tail_command(
    selection: Selection,
    seconds: Annotated[
        float | None, typer.Option("--for", min=0, metavar="SECONDS", help="End after that.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print dead letters as they are indexed, until Ctrl-C. With --json one per line."""
    from functools import partial

    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.store import letters

    logs.silence()
    condition = selection.condition(now())
    ends = None if seconds is None else time.monotonic() + seconds
    with connections.database(connections.settings()) as database:
        begun = to_us(now())
        seen: dict[tuple[str, int], int] = {}
        print_err("Waiting for dead letters; Ctrl-C ends this.")
        while ends is None or time.monotonic() < ends:
            since = max(begun, to_us(now()) - OVERLAP_US)
            found = database.transact(
                partial(indexed_since, condition=condition, since_us=since, limit=AT_ONCE)
            )
            new = [key for key in found if key not in seen]
            seen = {key: at for key, at in {**seen, **found}.items() if at >= since}
            rows = (
                database.transact(partial(letters.get, ids=[letter_id for letter_id, _ in new]))
                if new
                else []
            )
            for row in rows:
                if as_json:
                    write_json(as_data(row))
                else:
                    print_out(_line(row))
            if len(new) < AT_ONCE:
                time.sleep(POLL_S)


def _line(row: LetterRow) -> str:
    letter = row.letter
    again = f", generation {letter.generation}" if letter.generation else ""
    return (
        f"{readable_text(letter.time)}  {letter.id}  {letter.action}  {letter.code}{again}: "
        f"{' '.join(letter.message.split())}"
    )
