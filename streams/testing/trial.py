"""Runs one action on examples in a worker that dies at a chosen point, then in a fresh worker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import sqlalchemy as sa

from actions.action import ActionSpec, spec_of
from actions.ports import StoredContact
from streams.engine.installation import Adapters
from streams.store.contacts import SqlContacts
from streams.store.schema import contacts, ledger, turns
from streams.testing.cluster import Cluster
from streams.testing.leads import event_headers
from streams.testing.life import Life
from streams.testing.log import LogRecord
from streams.testing.ports import Call, Surroundings
from streams.testing.store import MemoryStore
from streams.testing.world import World, adapters_of
from streams.workflow import RetryPolicy, Step, Workflow
from topics import ids
from topics.envelope import Envelope, Headers, result_headers
from topics.events import Event, LeadReceived, encode
from topics.letter import DeadLetter

TIME = "2026-11-23T08:00:00.000000Z"
_NAME = "examples"
_CONTACTS = sa.select(*(column for column in contacts.c if column.name != "row_version")).order_by(
    contacts.c.contact_key
)


@dataclass(frozen=True)
class Found:
    """The observable state at one moment."""

    store: Mapping[str, list[tuple[Any, ...]]]
    """What the action may change: rows by table."""
    remembered: int
    """Number of executions in the ledger."""
    results: Mapping[str, set[bytes]]
    """Published values by the id of the result."""
    letters: Sequence[DeadLetter]
    calls: Sequence[Call]


@dataclass(frozen=True)
class Ended:
    """Result of one trial."""

    points: Sequence[str]
    """Points that the first worker passed before its death or the end."""
    at_start: Found
    at_crash: Found
    at_end: Found


@dataclass(frozen=True)
class Trial:
    """An action and its examples."""

    function: Callable[..., object]
    examples: Sequence[Event]
    given: Sequence[StoredContact] = ()
    ports: Callable[[], Mapping[type, object]] = dict
    repeats: bool = False
    action: ActionSpec = field(init=False)

    def __post_init__(self) -> None:
        """Read the signature."""
        object.__setattr__(self, "action", spec_of(self.function))

    async def run(self, life: Life, around: Surroundings | None = None) -> Ended:
        """Let a worker with this life settle the examples as one batch, and then a fresh one the same again."""
        store = MemoryStore()
        try:
            store.transact(self._give)
            cluster = Cluster(self._workflow(), self._adapters(), store)
            topic = cluster.names.of(self.action.reads)
            batch = [self._append(cluster, topic, number) for number in range(1, len(self.examples) + 1)]
            at_start = _look(cluster)
            await cluster.work_while_alive(cluster.new_worker(life, around), topic, batch)
            at_crash = _look(cluster)
            await cluster.work_while_alive(cluster.new_worker(Life(), around), topic, batch)
            return Ended(life.points, at_start, at_crash, _look(cluster))
        finally:
            store.close()

    def _give(self, connection: sa.Connection) -> None:
        port = SqlContacts(connection, ())
        for contact in self.given:
            port._known[contact.contact_key] = None  # noqa: SLF001 - a store that was just made has none
            port._dirty[contact.contact_key] = contact  # noqa: SLF001 - as above
        port.flush(0)

    @property
    def may_repeat(self) -> bool:
        """Whether the call may be made again after a death, as the test or the effect's declaration allows."""
        return self._adapters().ports.may_repeat(self._action())

    def _action(self) -> ActionSpec:
        effect = self.action.effect
        if effect is None:
            return self.action
        rule = "repeat" if self.repeats else effect.when_uncertain
        # One call at a time: every run dies at the same points.
        return replace(self.action, effect=replace(effect, when_uncertain=rule, concurrency=1))

    def _workflow(self) -> Workflow:
        step = Step(self.action.reads, self._action(), self.action.emits, RetryPolicy())
        if self.action.reads is LeadReceived:
            return Workflow(_NAME, step)
        # A workflow begins with a lead: this stands for everything before the action.
        before = ActionSpec("before", 1, LeadReceived, (self.action.reads,), {}, None, _before)
        return Workflow(_NAME, Step(LeadReceived, before, before.emits, RetryPolicy()), step)

    def _adapters(self) -> Adapters:
        return adapters_of(World(), shared=self.ports(), workflow=self._workflow())

    def _append(self, cluster: Cluster, topic: str, number: int) -> LogRecord:
        event = self.examples[number - 1]
        name = f"example-{number}"
        lead_id = event.lead_id or name
        value, headers = encode(event), self._headers(name, lead_id)
        if isinstance(event, LeadReceived):
            value, headers = orjson.dumps(event.model_dump(exclude_none=True)), event_headers(name)
        key = event.key if event.key_field != "lead_id" else lead_id
        return cluster.log.append(topic, key.encode(), value, headers)

    def _headers(self, name: str, lead_id: str) -> Headers:
        envelope = Envelope(
            id=name,
            source="/examples",
            type=self.action.reads.type,
            time=TIME,
            correlation_id=ids.run_id("/examples", name),
            position="examples/0/0",
            causation_id=name,
            workflow=_NAME,
        )
        return result_headers(envelope, lead_id)


async def _before(_: Event) -> Event:
    raise NotImplementedError("what comes before the action is not run")


def _look(cluster: Cluster) -> Found:
    def rows(connection: sa.Connection) -> tuple[dict[str, list[tuple[Any, ...]]], int]:
        found = {
            "contacts": [tuple(row) for row in connection.execute(_CONTACTS)],
            "turns": [tuple(row) for row in connection.execute(sa.select(turns))],
        }
        count = connection.execute(sa.select(sa.func.count()).select_from(ledger)).scalar_one()
        return found, count

    store, remembered = cluster.database.transact(rows)
    results: dict[str, set[bytes]] = defaultdict(set)
    for step in cluster.workflow.steps:
        for event in step.emits:
            if event is not cluster.workflow.steps[-1].reads:
                for record in cluster.records(event):
                    results[(dict(record.headers)["ce_id"] or b"").decode()].add(record.value or b"")
    letters = [DeadLetter.from_headers(record.headers) for record in cluster.letters]
    return Found(store, remembered, results, letters, list(cluster.calls))
