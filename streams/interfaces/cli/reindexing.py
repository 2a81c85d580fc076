"""This file is `leads dead-letters reindex`: the index of dead letters made anew from the topics."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING

from streams.interfaces.cli.operating import Connections, on_letters
from streams.interfaces.common.output import AsJson, plural, print_out, write_json
from streams.interfaces.common.progress import telling

if TYPE_CHECKING:
    from streams.interfaces.common.progress import Tell
    from streams.operations.recovery.reindexing import Reindexed


def reindex_command(as_json: AsJson = False) -> None:
    """Make the index anew from the topics: letters, edits, what people decided, and what has succeeded since.

    What the index has already stays. Workers may run; it can be interrupted and repeated.
    """

    def work(place: Connections) -> int:
        with telling() as tell:
            done = asyncio.run(_reindex(place, tell))
        if as_json:
            write_json(asdict(done))
        else:
            print_out(
                f"Read {plural(done.letters, 'letter')}: {done.decided:,} decided by people, "
                f"{done.resolved:,} done since."
            )
            if done.foreign:
                print_out(f"Left out {plural(done.foreign, 'record')} on the topic: no dead letters.")
        return 0

    on_letters(work)


async def _reindex(place: Connections, tell: Tell) -> Reindexed:
    from streams.clock import now
    from streams.interfaces.common import connections
    from streams.kafka.log import open_log
    from streams.onboarding import ONBOARDING
    from streams.operations.recovery.reindexing import Reindexer
    from topics.registry import TopicNames

    names = TopicNames(place.settings.prefix)
    async with (
        connections.admin(place.address) as admin,
        open_log(admin, place.address, names, place.settings.group) as log,
    ):
        return await Reindexer(ONBOARDING, place.database, log, names, now, tell).run()
