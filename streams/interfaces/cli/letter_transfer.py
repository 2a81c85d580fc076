"""This file is `leads dead-letters export` and `import`: letters whole, as a file."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from streams.dead_letters.selection import Selection
from streams.interfaces.cli.operating import Connections, at_desk, on_letters
from streams.interfaces.cli.pausing import Reason, said
from streams.interfaces.cli.selecting import Every, LetterIds, chosen_ids, selects
from streams.interfaces.common.errors import WrongUseError
from streams.interfaces.common.output import plural, print_err


@selects()
def export_command(
    selection: Selection,
    file: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Written for its owner alone (mode 600).")
    ],
    reason: Reason,
    letter_ids: LetterIds = None,
    all_: Every = False,
) -> None:
    """Write dead letters whole into a file, one per line (NDJSON). It holds personal data; each letter is audited."""

    def work(place: Connections) -> int:
        from streams.dead_letters.export import dump

        why = said(reason)
        ids = chosen_ids(place.database, selection, letter_ids, is_all=all_)

        async def run() -> int:
            done = 0
            draft = file.with_name(file.name + ".part")
            with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as written:
                async with at_desk(place) as desk:
                    async for row in desk.take_out(ids, why):
                        written.write(dump(row))
                        done += 1
            draft.replace(file)
            return done

        done = asyncio.run(run())
        left = f", {len(ids) - done:,} left out, as the record is gone" if done < len(ids) else ""
        print_err(f"{plural(done, 'letter')} written into {file}{left}.")
        return 0

    on_letters(work)


def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `export` wrote.")], reason: Reason
) -> None:
    """Take dead letters in from a file: they go onto the dead-letter topic, and workers index them.

    Nothing is taken in when a line cannot be read. A letter that is known at this generation stays as it is.
    """

    def work(place: Connections) -> int:
        from streams.dead_letters.export import TransferError, load

        why = said(reason)
        try:
            with file.open("rb") as lines:
                rows = list(load(lines))
        except TransferError as error:
            raise WrongUseError(f"{file}: {error}; nothing was taken in") from None

        async def run() -> int:
            async with at_desk(place) as desk:
                return await desk.take_in(rows, why)

        print_err(f"{plural(asyncio.run(run()), 'letter')} taken in.")
        return 0

    on_letters(work)
