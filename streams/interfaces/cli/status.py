"""`leads status`: shows whether broker and database answer, what is waiting, and what has been done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import typer

from streams.interfaces.common.errors import UNREACHABLE, CommandError, UnreachableError
from streams.interfaces.common.output import AsJson, plural, print_err, print_out, write_json, write_table

if TYPE_CHECKING:
    from streams.kafka.address import KafkaAddress
    from streams.settings import Settings

HEADROOM_S = 7 * 86_400
"""Warn when retention deletes an open letter within this time."""


def status(as_json: AsJson = False) -> None:
    """Show whether broker and database answer, how many records wait per topic, and what has been done so far.

    Exit codes: 0 both answer, 3 one does not.
    """
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections

    logs.silence()
    settings = connections.settings()
    state: dict[str, Any] = {
        "environment": settings.environment,
        "group": settings.group,
        "prefix": settings.prefix,
        "kafka": _kafka(settings),
        "database": _database(settings),
    }
    if as_json:
        write_json(state)
    else:
        _print(state)
    if not (state["kafka"]["is_reachable"] and state["database"]["is_reachable"]):
        raise typer.Exit(UNREACHABLE)


def _kafka(settings: Settings) -> dict[str, Any]:
    from streams.kafka.address import parse_kafka
    from streams.kafka.local import status as local_status

    if settings.kafka is not None:
        address = parse_kafka(settings.kafka)
    else:
        local = local_status(settings.data)
        if local.bootstrap is None:
            # `status` must not start one: it would stop with the command.
            why = "LEADS_KAFKA is not set and no local Kafka runs; `leads worker` and `leads kafka start` start one"
            return {"is_reachable": False, "servers": None, "error": why}
        address = parse_kafka(local.bootstrap)
    try:
        return {
            "is_reachable": True,
            "servers": address.bootstrap,
            **asyncio.run(_cluster(settings, address)),
        }
    except UnreachableError as error:
        return {"is_reachable": False, "servers": address.bootstrap, "error": str(error)}


async def _cluster(settings: Settings, address: KafkaAddress) -> dict[str, Any]:
    from streams.interfaces.common import connections
    from streams.interfaces.common.status import kafka_status
    from streams.kafka.lag import REQUEST_MS
    from streams.kafka.reader import RangeReader

    reader = RangeReader(address, request_timeout_ms=REQUEST_MS)
    async with connections.admin(address) as admin, reader:
        return await kafka_status(admin, reader, settings)


def _database(settings: Settings) -> dict[str, Any]:
    from sqlalchemy.engine import make_url

    from streams.interfaces.common import connections
    from streams.interfaces.common.status import database_status

    place = {"url": make_url(settings.database_url).render_as_string(hide_password=True)}
    try:
        with connections.database(settings) as database, database.snapshot() as connection:
            return {"is_reachable": True, **place, **database_status(connection)}
    except CommandError as error:
        return {"is_reachable": False, **place, "error": str(error)}


def _print(state: dict[str, Any]) -> None:
    kafka, database = state["kafka"], state["database"]
    if kafka["is_reachable"]:
        workers = plural(kafka["workers"], "worker")
        print_out(f"Kafka     {kafka['servers']}, group {state['group']}: {workers} ({kafka['group_state']})")
        rows = [(item["topic"], item["records"], item["waiting"]) for item in kafka["topics"]]
        write_table(("topic", "#records", "#waiting"), rows)
        missing = [item["topic"] for item in kafka["topics"] if not item["exists"]]
        if missing:
            print_err(f"{len(missing)} topics do not exist; `leads topics apply` makes them.")
    else:
        print_out("Kafka     not reachable")
        print_err(f"Error: {kafka['error']}.")
    if database["is_reachable"]:
        letters = (
            ", ".join(f"{count:,} {name}" for name, count in sorted(database["letters"].items())) or "none"
        )
        print_out(
            f"Database  {database['url']}: {plural(database['contacts'], 'contact')}; dead letters: {letters}"
        )
        left = database["letters_headroom_seconds"]
        if left is not None and left < HEADROOM_S:
            print_err(
                f"The oldest open dead letter is deleted from its topic in {max(left, 0) / 86_400:.1f} days: "
                "decide, or `leads dead-letters keep --until 20d --reason TEXT`."
            )
        rows = [
            (action, counts["done"], counts["dead_lettered"])
            for action, counts in database["actions"].items()
        ]
        write_table(("action", "#done", "#dead-lettered now"), rows)
        if database["pauses"]:
            _print_pauses(database["pauses"])
    else:
        print_out(f"Database  {database['url']}: not reachable")
        print_err(f"Error: {database['error']}.")


def _print_pauses(pauses: list[dict[str, Any]]) -> None:
    rows = [
        (
            pause["step"],
            pause["reason"],
            pause["by"] or f"worker {pause['worker'][:8]}",
            pause["since"],
            pause["next_probe"] or "leads resume",
        )
        for pause in pauses
    ]
    write_table(("step", "reason", "by", "since", "next probe"), rows, title="Paused steps")
