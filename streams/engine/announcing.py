"""Builds the records that announce results and letters, with the same bytes every time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from streams.clock import from_us
from streams.engine.event_cache import EventCache
from streams.engine.execution import DeadLettered, Outcome, Succeeded
from streams.kafka.producer import Outgoing
from topics.decode import Decoded
from topics.envelope import attribute_text, result_headers, timestamp
from topics.events import Event
from topics.letter import MESSAGE_LIMIT, without_letter
from topics.limits import MAX_ATTRIBUTE, fits_a_letter
from topics.registry import TopicNames


@lru_cache(maxsize=1 << 10)
def _text_of(microseconds: int) -> str:
    return timestamp(from_us(microseconds))  # cached, as all rows of one transaction share its time


@dataclass(frozen=True, slots=True)
class Announcer:
    """Makes the record that announces an outcome: the same bytes every time."""

    names: TopicNames
    workflow: str
    own: EventCache

    def outgoing(self, outcome: Outcome) -> Outgoing:
        """Return the result event, or the dead letter."""
        return self._result(outcome) if isinstance(outcome, Succeeded) else self._letter(outcome)

    def _letter(self, outcome: DeadLettered) -> Outgoing:
        source = outcome.source
        headers = without_letter(source.headers) + outcome.letter.headers()
        if not fits_a_letter(source.key, source.value, headers):
            return self._without_its_bytes(outcome)
        return Outgoing(self.names.letters, source.key, source.value, headers)

    def _without_its_bytes(self, outcome: DeadLettered) -> Outgoing:
        # Otherwise the record would block its partition for ever. Its hash stays, so a replay of the rest is refused.
        letter, source = outcome.letter, outcome.source
        where = (
            f"; the record is too large for a letter and was left out of it, it stays at {source.position}"
        )
        message = letter.message.encode()[: MESSAGE_LIMIT - len(where)].decode(errors="ignore") + where
        own = replace(letter, message=message).headers()
        headers = without_letter(source.headers) + own
        if fits_a_letter(source.key, None, headers):
            return Outgoing(self.names.letters, source.key, None, headers)
        return Outgoing(self.names.letters, None, None, own)

    def _result(self, outcome: Succeeded) -> Outgoing:
        execution, row = outcome.execution, outcome.row
        event: type[Event] = (
            type(outcome.event)
            if outcome.event is not None
            else next(event for event in execution.step.emits if event.type == row.result_type)
        )
        moment = _text_of(row.done_at)
        envelope = execution.envelope.followed_by(
            event_type=event.type,
            event_id=execution.result_id,
            action=row.action,
            time=moment,
            workflow=self.workflow if execution.step.reads.is_public else execution.envelope.workflow,
        )
        if outcome.call is not None:
            # Omit an empty attribute: a result of an older build may have proven its call without a reference.
            reference = attribute_text(outcome.call.reference[:MAX_ATTRIBUTE]) or None
            envelope = envelope._replace(effect=outcome.call.key, effect_reference=reference)
        headers = result_headers(envelope, row.lead_id)
        if outcome.event is not None and row.result is not None:
            self.own.remember(row.result, headers, Decoded(envelope, outcome.event, None))
        key = row.lead_id if event.key_field == "lead_id" else row.contact_key or row.lead_id
        return Outgoing(self.names.of(event), key.encode(), row.result, headers)
