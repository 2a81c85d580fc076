"""`leads store catch-up`: a store that is older than its topics learns from them what was done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.interfaces.common.errors import CommandError
from streams.interfaces.common.output import AsJson, plural, print_out, readable, write_json
from streams.interfaces.common.progress import telling

if TYPE_CHECKING:
    from streams.kafka.address import KafkaAddress
    from streams.operations.recovery.catch_up import CaughtUp, Report
    from streams.settings import Config, Settings
    from streams.store.engine import Database

_SHOWN = 20


def catch_up_command(
    accept_gap: Annotated[
        bool,
        typer.Option("--accept-gap", help="Go on though topics no longer hold all that the store lacks."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a restored store up to date from the topics; nothing is sent. Workers must be stopped; it may be repeated.

    Exit codes: 0 workers may start, 1 workers run or the topics no longer hold enough (the store then still counts as
    behind), 2 wrong settings, 3 no broker or no database.
    """
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections
    from streams.settings import load_config

    logs.silence()
    settings = connections.settings()
    config = load_config(settings.config)
    with (
        connections.kafka(settings) as address,
        connections.database(settings) as database,
        telling() as tell,
    ):
        done = asyncio.run(_catch_up(settings, config, address, database, tell, accept_gap=accept_gap))
    if as_json:
        write_json(as_data(done))
    else:
        _print(done)


async def _catch_up(
    settings: Settings,
    config: Config,
    address: KafkaAddress,
    database: Database,
    report: Report,
    *,
    accept_gap: bool,
) -> CaughtUp:
    from streams.interfaces.common import connections
    from streams.kafka.lag import group_state
    from streams.kafka.log import open_log
    from streams.kafka.producer import NoBroker
    from streams.operations.recovery.catch_up import CatchUp
    from streams.wiring import installation_of

    installation = installation_of(settings, config, database, NoBroker())
    try:
        async with connections.admin(address) as admin:
            _, members, _ = await group_state(admin, settings.group)
            if members:
                raise CommandError(
                    f"{plural(members, 'worker')} of group {settings.group} run; stop them, they may do again what the "
                    "store does not know (one that was killed is forgotten after LEADS_SESSION_TIMEOUT)"
                )
            async with open_log(admin, address, installation.topics, installation.group) as log:
                return await CatchUp(installation, log, report).run(is_gap_accepted=accept_gap)
    finally:
        await installation.adapters.aclose()


def as_data(done: CaughtUp) -> dict[str, Any]:
    """Give what a store has learnt as plain data."""
    return {
        "since": done.since.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "records": done.records,
        "executions": dict(sorted(done.executions.items())),
        "failures": done.failures,
        "letters": done.letters,
        "resolved": done.resolved,
        "foreign": done.foreign,
        "uncertain": [
            {"action": each.action, "lead_id": each.lead_id, "result_id": each.result_id}
            for each in done.uncertain
        ],
    }


def _print(done: CaughtUp) -> None:
    since = readable(int(done.since.timestamp() * 1_000_000)) if done.since.timestamp() else "the beginning"
    print_out(f"Read {plural(done.records, 'record')} since {since}. The store has learnt:")
    for action, many in sorted(done.executions.items()):
        print_out(f"  {action:26} {plural(many, 'execution')}")
    print_out(
        f"  {'dead letters':26} {done.letters:,} read, {done.failures:,} failures, {done.resolved:,} closed"
    )
    if done.foreign:
        print_out(f"  {done.foreign:,} records on result topics are not of this workflow and were left out.")
    if done.uncertain:
        print_out(
            f"{plural(len(done.uncertain), 'execution')} may have called outside, and nothing tells: workers make a "
            "letter UNCERTAIN of each, or repeat it where the receiver drops the copy."
        )
        for each in done.uncertain[:_SHOWN]:
            print_out(f"  - {each.action}, lead {each.lead_id}")
        if len(done.uncertain) > _SHOWN:
            print_out(f"  - and {len(done.uncertain) - _SHOWN:,} more; --json names all")
    print_out("Workers may start.")
