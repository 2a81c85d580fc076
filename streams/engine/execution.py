"""The values that pass between the stages of processing: an execution, and its outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from streams.store.ledger import LedgerRow
from streams.workflow import Step
from topics import ids
from topics.decode import Decoded, Position
from topics.envelope import Envelope, Headers
from topics.events import Event
from topics.letter import DeadLetter
from topics.limits import MAX_ATTRIBUTE


class Source(NamedTuple):
    """A record as it was consumed; a dead letter must preserve it byte for byte."""

    position: Position
    """Where it was first consumed; for a replayed record, not the position of the request."""
    key: bytes | None
    value: bytes | None
    headers: Headers
    """The original headers, without a letter's own."""


@dataclass(slots=True)
class Execution:
    """One record to act on."""

    source: Source
    step: Step
    decoded: Decoded
    request: DeadLetter | None = None
    """The letter that this execution replays or retries."""
    attempts: int = 0
    result_id: str = field(init=False)
    """Id of the event that the action will return."""
    ledger_id: bytes = field(init=False)
    """`result_id` as bytes: the idempotency key in the ledger."""

    def __post_init__(self) -> None:
        """Derive the ids."""
        envelope, action = self.decoded.envelope, self.step.action
        self.result_id = ids.result_id(envelope.source, envelope.id, action.kebab, action.version)
        self.ledger_id = bytes.fromhex(self.result_id.replace("-", ""))

    @property
    def event(self) -> Event:
        """The event to act on."""
        return self.decoded.event

    @property
    def envelope(self) -> Envelope:
        """Its envelope."""
        return self.decoded.envelope

    @property
    def effect_key(self) -> str:
        """Key of the action's outside call for this event. Raise ValueError when it makes none."""
        effect = self.step.action.effect
        if effect is None:
            msg = f"{self.step.name} declares no effect"
            raise ValueError(msg)
        return effect.key_of(self.event, self.envelope)

    @property
    def lead_id(self) -> str:
        """The caller's id of the lead, else the event's."""
        return (self.decoded.event.lead_id or self.decoded.envelope.id)[:MAX_ATTRIBUTE]

    @property
    def contact_key(self) -> str | None:
        """Key of the event's contact, once that is known."""
        # Not getattr: on a public event that would return a publisher's extra field of this name, whatever it holds.
        return self.decoded.event.__dict__.get("contact_key")


class MadeCall(NamedTuple):
    """The call outside that an execution made."""

    key: str
    reference: str


class Succeeded(NamedTuple):
    """The action returned a result (now or before)."""

    execution: Execution
    row: LedgerRow
    event: Event | None
    """The result itself when it is new; one from the ledger is known only as bytes."""
    call: MadeCall | None = None
    """The outside call of this very execution, now or in an earlier attempt; the result's headers prove it."""

    @property
    def is_new(self) -> bool:
        """Whether the action ran just now."""
        return self.event is not None


class DeadLettered(NamedTuple):
    """The record becomes a dead letter (now or before)."""

    source: Source
    letter: DeadLetter
    is_new: bool

    @property
    def is_of_another(self) -> bool:
        """Whether the letter belongs to another record, of which this one is a copy.

        Such a letter is published with the other record's bytes, when that record is settled; these may differ.
        """
        letter, position = self.letter, self.source.position
        return (letter.topic, letter.partition, letter.offset) != (
            position.topic,
            position.partition,
            position.offset,
        )


Outcome = Succeeded | DeadLettered


@dataclass(frozen=True, slots=True)
class RunResult:
    """Outcomes of a group of executions, and those that did not start."""

    outcomes: list[Outcome]
    not_begun: list[Execution]
    """Those that may not start, because the step is paused or a probe has to succeed first."""
