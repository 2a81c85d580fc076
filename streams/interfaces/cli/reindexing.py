"""`leads dead-letters reindex`: the index of dead letters is rebuilt from the topics."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING

from streams.interfaces.cli import logs
from streams.interfaces.common import connections
from streams.interfaces.common.connections import Connections
from streams.interfaces.common.output import AsJson, plural, print_out, write_json
from streams.interfaces.common.progress import telling

if TYPE_CHECKING:
    from streams.interfaces.common.progress import Tell
    from streams.operations.recovery.reindexing import Reindexed


def reindex_command(as_json: AsJson = False) -> None:
    """Make the index anew from the topics: letters, edits, what people decided, and what has succeeded since.

    What the index has already stays. Workers may run; it can be interrupted and repeated.
    """
    logs.silence()
    with connections.connected() as connected, telling() as report:
        done = asyncio.run(_reindex(connected, report))
    if as_json:
        write_json(asdict(done))
        return
    print_out(
        f"Read {plural(done.letters, 'letter')}: {done.decided:,} decided by people, {done.resolved:,} done since."
    )
    if done.foreign:
        print_out(f"Left out {plural(done.foreign, 'record')} on the topic: no dead letters.")


async def _reindex(connected: Connections, report: Tell) -> Reindexed:
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
