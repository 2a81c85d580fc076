"""Inspects the state of a workflow in memory, and makes it fail in chosen ways."""

from __future__ import annotations

import dataclasses
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.action import ActionFunction
from actions.ports import Mail
from streams.engine.handover import Records
from streams.onboarding import ONBOARDING
from streams.store.ledger import LedgerRow
from streams.store.letters import OPEN, RESOLVED
from streams.store.schema import DONE
from streams.store.schema import effects as effects_table
from streams.testing import (
    Cluster,
    LogRecord,
    World,
    lead,
)
from streams.workflow import Step, Workflow
from topics.envelope import Headers
from topics.letter import PREFIX, DeadLetter

RECEIVED = "crm.leads.received.v1"

ALL = (*OPEN, RESOLVED)

MOMENT = "2026-11-23T08:00:00Z"

ROW = LedgerRow(
    id=b"r" * 16,
    action="notify-owner",
    version=1,
    correlation_id="run",
    lead_id="L1",
    contact_key="k",
    status=DONE,
    generation=0,
    attempts=1,
    digest=None,
    result_type=None,
    result=b"first",
    code=None,
    duration_us=0,
    done_at=0,
)


def attributes(record: LogRecord) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in record.headers}


def data(record: LogRecord) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(record.value or b"null")
    return found


def letter_of(record: LogRecord) -> DeadLetter:
    return DeadLetter.from_headers(record.headers)


async def rows(cluster: Cluster, query: sa.Select[Any]) -> list[Any]:
    return await cluster.database.run(lambda connection: list(connection.execute(query)))


async def count(cluster: Cluster, table: sa.Table) -> int:
    return int((await rows(cluster, sa.select(sa.func.count()).select_from(table)))[0][0])


async def crash_while_sending(cluster: Cluster, world: World) -> None:
    """Let the worker die after the mail was sent and before its outcome was written."""

    class CrashError(BaseException):
        pass

    def deliver_and_crash(mail: Mail) -> None:
        world.mails.append(mail)
        world.come_back()
        raise CrashError

    world.fail = deliver_and_crash
    cluster.log.append(RECEIVED, None, lead())
    with pytest.raises(CrashError):
        await cluster.settle()
    cluster.worker = cluster.new_worker()


def with_function(workflow: Workflow, name: str, function: ActionFunction) -> Workflow:
    """Return the workflow with another function behind one action's signature."""

    def changed(step: Step) -> Step:
        action = dataclasses.replace(step.action, function=function)
        return dataclasses.replace(step, action=action)

    return Workflow(workflow.name, *(changed(step) if step.name == name else step for step in workflow.steps))


def with_letter(headers: Headers, **changed: bytes) -> Headers:
    """Return a letter's headers with other values, as any publisher may write them."""
    values = {PREFIX + name.replace("_", "."): value for name, value in changed.items()}
    return [(name, values.get(name, value)) for name, value in headers]


async def cell(cluster: Cluster, column: sa.Column[Any]) -> object:
    return await cluster.database.run(lambda connection: connection.execute(sa.select(column)).scalar())


def effects_in(connection: Connection, status: int) -> list[str]:
    """Return the keys of the effects with this status."""
    query = sa.select(effects_table.c.key).where(effects_table.c.status == status)
    return list(connection.execute(query).scalars())


async def settle_by_others(cluster: Cluster) -> None:
    """Run every step in a separate worker, so that none reads its own events."""
    for event in ONBOARDING.inputs:
        for step in ONBOARDING.reading(event):
            await cluster.new_worker().processor.process(step, Records(cluster.records(event)))
