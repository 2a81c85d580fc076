"""Reads the figures of `leads status`, for the command and the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.interfaces.common.output import readable

if TYPE_CHECKING:
    from aiokafka.admin import AIOKafkaAdminClient
    from sqlalchemy.engine import Connection

    from streams.kafka.reader import RangeReader
    from streams.settings import Settings


async def kafka_status(admin: AIOKafkaAdminClient, reader: RangeReader, settings: Settings) -> dict[str, Any]:
    """Return the group's workers and, by topic, how many records it has and how many wait. Raise a Kafka error."""
    from streams.kafka.lag import look

    lag = await look(admin, reader, settings.group, settings.prefix)
    topics = [
        {"topic": topic.name, "exists": topic.exists, "records": topic.records, "waiting": topic.waiting}
        for topic in lag.topics
    ]
    return {"workers": lag.members, "group_state": lag.state, "topics": topics}


def database_status(connection: Connection) -> dict[str, Any]:
    """Return the number of contacts, letters by status, executions by action, and the paused steps."""
    from streams.clock import now
    from streams.dead_letters.groups import headroom
    from streams.store import letters
    from streams.store.queries import count_contacts, executions

    left = headroom(connection, now())
    actions = {
        action: {"done": done, "dead_lettered": failed}
        for action, (done, failed) in sorted(executions(connection).items())
    }
    return {
        "contacts": count_contacts(connection),
        "letters": letters.counts(connection),
        "letters_headroom_seconds": None if left is None else left.total_seconds(),
        "actions": actions,
        "pauses": _pauses(connection),
    }


def _pauses(connection: Connection) -> list[dict[str, Any]]:
    from streams.clock import now
    from streams.operations.pause_sync import heard_since_us
    from streams.store import pauses

    return [
        {
            "step": row.step.replace("_", "-"),
            "kind": row.kind,
            "reason": row.reason,
            "by": row.paused_by,
            "worker": row.holder or None,
            "since": readable(row.since),
            "next_probe": None if row.next_probe is None else readable(row.next_probe),
        }
        for row in pauses.all_of(connection, heard_since_us(now()))
    ]
