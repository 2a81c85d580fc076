"""This file is `leads dead-letters groups` and `stats`: what failed, seen from afar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from streams.clock import now
from streams.dead_letters.selection import Selection
from streams.interfaces.cli.selecting import selects
from streams.interfaces.common.output import (
    AsJson,
    plural,
    print_err,
    print_out,
    readable_text,
    write_json,
    write_table,
)

if TYPE_CHECKING:
    from datetime import timedelta

SHORT_ID = 8
MOST_BUILDS = 2


@selects()
def groups_command(
    selection: Selection,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the largest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Group dead letters by cause: same exception at the same place, same code, same action. Largest first.

    NEW: it failed like this for the first time within the last 24 hours. With --json one group per line.
    """
    from streams.dead_letters.groups import groups
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections

    logs.silence()
    condition = selection.condition(now())
    with connections.database(connections.settings()) as database:
        found = database.transact(lambda connection: groups(connection, condition, now(), limit + 1))
    shown = found[:limit]
    if as_json:
        for each in shown:
            write_json(asdict(each))
    elif shown:
        columns = (
            "group",
            "",
            "#letters",
            "#retried",
            "action",
            "code",
            "class",
            "builds",
            "first seen",
            "last seen",
            "sample",
        )
        write_table(
            columns,
            [
                (
                    each.fingerprint,
                    "NEW" if each.is_new else "",
                    f"{each.count:,}",
                    each.scheduled,
                    each.action,
                    each.code,
                    each.failure_class,
                    _builds(each.versions),
                    readable_text(each.first_seen),
                    readable_text(each.last_seen),
                    each.sample[:SHORT_ID],
                )
                for each in shown
            ],
        )
        print_err("`leads dead-letters list --group GROUP` lists one group, `show ID` explains one letter.")
    else:
        print_out("No dead letters.")
    if len(found) > limit:
        print_err(f"There are more groups than {limit}; --limit shows more.")


def _builds(versions: Sequence[str]) -> str:
    more = f" and {len(versions) - MOST_BUILDS} more" if len(versions) > MOST_BUILDS else ""
    return ", ".join(versions[:MOST_BUILDS]) + more


@selects(status="all")
def stats_command(
    selection: Selection,
    as_json: AsJson = False,
) -> None:
    """Count dead letters by status, class, action and code, and say how long the oldest open one is still kept."""
    from streams.dead_letters.groups import stats
    from streams.interfaces.cli import logs
    from streams.interfaces.common import connections

    logs.silence()
    condition = selection.condition(now())
    with connections.database(connections.settings()) as database:
        found = database.transact(lambda connection: stats(connection, condition, now()))
    if as_json:
        left = None if found.headroom is None else found.headroom.total_seconds()
        write_json({**found.by, "oldest_open": found.oldest_open, "headroom_seconds": left})
        return
    for name, counts in found.by.items():
        if counts:
            write_table((name, "#letters"), [(value, f"{many:,}") for value, many in counts.items()])
    if not found.by["status"]:
        print_out("No dead letters.")
    if found.oldest_open is not None and found.headroom is not None:
        print_out(
            f"Oldest open: {readable_text(found.oldest_open)}; its topic keeps it {_left(found.headroom)}."
        )


def _left(headroom: timedelta) -> str:
    if headroom.total_seconds() <= 0:
        return "no longer"
    days = headroom.days
    return f"for {plural(days, 'more day')}" if days else f"for {headroom.seconds // 3600} more hours"
