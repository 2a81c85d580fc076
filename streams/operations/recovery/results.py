"""Writes results of the topics to the store: what was done, and what it changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from streams.clock import to_us
from streams.operations.recovery import contacts, round_robin
from streams.operations.recovery.effect_keys import proven
from streams.operations.recovery.write_back import Trace, add_rows, called
from streams.store.ledger import LedgerRow
from streams.store.schema import DONE
from streams.workflow import Step, Workflow
from topics import ids
from topics.decode import Decoded, Position, Record, decode
from topics.envelope import parse_timestamp
from topics.events import Event
from topics.failures import DecodeError

_OWN_SOURCE = "/leads/"


@dataclass(frozen=True, slots=True)
class Result:
    """One result event and the step that published it."""

    step: Step
    decoded: Decoded
    value: bytes
    id: bytes
    """The ledger's key: the event's id."""
    at_us: int
    """When it was published, in microseconds."""
    received_at: tuple[str, int, int]
    """Position of the `LeadReceived` of its run: topic, partition, offset."""


def read_result(record: Record, event: type[Event], workflow: Workflow) -> Result | None:
    """Read a result of this workflow; None of any other record."""
    try:
        decoded = decode(record.value, list(record.headers), event, Position.of(record))
        envelope = decoded.envelope
        source, _, action = envelope.source.rpartition("/")
        step = workflow.step(action)
        topic, partition, offset = envelope.position.rsplit("/", 2)
        place = (topic, int(partition), int(offset))
        result_id = bytes.fromhex(envelope.id.replace("-", ""))
    except (DecodeError, KeyError, ValueError):
        return None
    if source + "/" != _OWN_SOURCE or event not in step.emits:
        return None
    at_us = to_us(parse_timestamp(envelope.time))
    return Result(step, decoded, record.value or b"", result_id, at_us, place)


@dataclass(slots=True)
class ResultTaker:
    """Writes batches of results of one topic, each in one transaction."""

    workflow: Workflow
    edited: Mapping[str, Event]
    """By event id: events that people edited; the actions ran on these."""
    highest_turn: int = -1
    """Highest turn of all results read so far, known to the store or not; -1 when none took one."""

    def take(
        self, connection: Connection, results: Sequence[Result], received: Mapping[bytes, Decoded]
    ) -> Counter[str]:
        """Write what the store does not know. Return the number of executions by action.

        `received` holds, by result id, the `LeadReceived` events of results, as far as the topic still has them.
        """
        rows = [self._row(result, received.get(result.id)) for result in results]
        new = {row.id: row for row in add_rows(connection, rows)}
        # Copies of one result count once; the first one keeps its place in the order of the contact.
        first = {result.id: result for result in reversed(results) if result.id in new}
        fresh = [result for result in results if first.get(result.id) is result]
        events = [result.decoded for result in fresh]
        contacts.take(connection, events, self.edited, max((result.at_us for result in fresh), default=0))
        round_robin.count(connection, [each.event for each in events])
        taken = (round_robin.turn_of(result.decoded.event) for result in results)
        self.highest_turn = max([self.highest_turn, *(turn for turn in taken if turn is not None)])
        called(connection, [trace for result in fresh if (trace := _trace(result)) is not None])
        return Counter(row.action for row in new.values())

    def _row(self, result: Result, received: Decoded | None) -> LedgerRow:
        envelope, event, action = result.decoded.envelope, result.decoded.event, result.step.action
        return LedgerRow(
            id=result.id,
            action=action.kebab,
            version=self._version(result, received),
            correlation_id=envelope.correlation_id,
            lead_id=event.lead_id,
            contact_key=event.__dict__.get("contact_key"),
            status=DONE,
            generation=0,
            attempts=1,
            digest=None if received is None else received.digest,
            result_type=event.type,
            result=result.value,
            code=None,
            duration_us=0,
            done_at=result.at_us,
        )

    def _version(self, result: Result, received: Decoded | None) -> int:
        """Return the version whose id the result has; this build's when none has it."""
        action, envelope = result.step.action, result.decoded.envelope
        if received is not None:
            cause = (received.envelope.source, received.envelope.id)
        else:
            stating = next((step for step in self.workflow.steps if result.step.reads in step.emits), None)
            cause = (
                "" if stating is None else _OWN_SOURCE + stating.action.kebab,
                envelope.causation_id or "",
            )
        for version in range(action.version, 0, -1):
            if ids.result_id(*cause, action.kebab, version) == envelope.id:
                return version
        return action.version


def _trace(result: Result) -> Trace | None:
    action = result.step.action
    call = proven(action.effect, result.decoded.event, result.decoded.envelope)
    if call is None:
        return None
    return Trace(call.key, result.id, action.kebab, result.at_us, call.reference or None)
