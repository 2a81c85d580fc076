"""The values passed between the stages of processing: an execution and its outcome."""

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
    """A record as received; a dead letter must preserve it byte for byte."""

    position: Position
    """Where it was first consumed; of a replayed record, not where the request stood."""
    key: bytes | None
    value: bytes | None
    headers: Headers
    """The original ones: a letter's own are taken off."""


@dataclass(slots=True)
class Execution:
    """One record to act on."""

    source: Source
    step: Step
    decoded: Decoded
    request: DeadLetter | None = None
    """The letter this is a replay or a due retry of."""
    attempts: int = 0
    result_id: str = field(init=False)
    """Id of the event that the action will state."""
    ledger_id: bytes = field(init=False)
    """The same, as the ledger keeps it: the idempotency key."""

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
        """Key of the call that the action makes outside for this event. Raises ValueError when it makes none."""
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
        """Key of the contact, once it is known."""
        # Not getattr: on a public event that would give a stranger's field of this name, whatever it holds.
        return self.decoded.event.__dict__.get("contact_key")


class MadeCall(NamedTuple):
    """The call outside that an execution made."""

    key: str
    reference: str


class Succeeded(NamedTuple):
    """The action stated a result (now or before)."""

    execution: Execution
    row: LedgerRow
    event: Event | None
    """The result itself when it was stated just now; a remembered one is only known as bytes."""
    call: MadeCall | None = None
    """The outside call of this execution, now or in an earlier attempt; the result's headers prove it."""

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
        """Whether the letter is that of another record, of which this one is a copy.

        It is published with the bytes it names, when that record is settled; these may differ from them.
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
    """Outcomes of a run, and the executions that did not start."""

    outcomes: list[Outcome]
    not_begun: list[Execution]
    """Executions that may not start: the step pauses, or a single one must probe first."""
