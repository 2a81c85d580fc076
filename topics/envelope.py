"""The envelope of an event: its source, time and cause, as CloudEvents 1.0 attributes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

MAX_AHEAD = timedelta(hours=1)
"""How far a publisher's clock may be ahead of the broker's; what lies further ahead is a mistake."""

Headers = list[tuple[str, bytes | None]]
"""A record's header list as received: order, duplicates and null values kept."""


class Envelope(NamedTuple):
    """The CloudEvents attributes of one event."""

    id: str
    source: str
    type: str
    time: str
    """RFC 3339 UTC with microseconds."""
    correlation_id: str
    position: str
    """`topic/partition/offset` of the LeadReceived record that began the run."""
    causation_id: str | None = None
    workflow: str | None = None
    """Absent when the action was requested alone: nothing follows then."""
    origin: str = "live"
    expiry_time: str | None = None
    trace: tuple[tuple[str, str], ...] = ()
    """`traceparent` and `tracestate`, where given."""
    extensions: tuple[tuple[str, str], ...] = ()
    """Unknown `ce_*` attributes (without the prefix), carried to following events."""
    effect: str | None = None
    """Key of the outside call of this event's execution; not carried to following events."""
    effect_reference: str | None = None
    """The reference that the call returned, e.g. a Message-ID."""
    record_ms: int | None = None
    """Of a public event: the timestamp of its record, in ms since the epoch; None when the record has none."""
    is_time_replaced: bool = False
    """Whether `ce_time` lay in the future, so that `time` is the record's timestamp instead."""
    ignored: tuple[str, ...] = ()
    """Attributes (without `ce_`) of a public event that only our own results may carry."""

    @property
    def recorded_time(self) -> str | None:
        """When the publisher wrote the event down (`ce_recordedtime`, a CloudEvents extension), written as `time`."""
        given = next((text for name, text in self.extensions if name == "recordedtime"), None)
        try:
            return None if given is None else timestamp(parse_timestamp(given))
        except (ValueError, OverflowError):
            return None

    @property
    def latest_time(self) -> str | None:
        """The latest moment that this event may speak of: `MAX_AHEAD` after its record was written."""
        if self.record_ms is None:
            return None
        return timestamp(datetime.fromtimestamp(self.record_ms / 1000, UTC) + MAX_AHEAD)

    def followed_by(
        self, *, event_type: str, event_id: str, action: str, time: str, workflow: str | None
    ) -> Envelope:
        """Return the envelope of the event that `action` (its kebab-case name) states about this event at `time`."""
        return Envelope(  # dataclasses.replace costs four times as much, once per event
            position=self.position,
            correlation_id=self.correlation_id,
            origin=self.origin,
            expiry_time=self.expiry_time,
            trace=self.trace,
            extensions=self.extensions,
            id=event_id,
            source=f"/leads/{action}",
            type=event_type,
            time=time,
            causation_id=self.id,
            workflow=workflow,
        )


def timestamp(moment: datetime) -> str:
    """Fixed-width RFC 3339 UTC text of an aware moment, e.g. `2026-11-23T20:15:00.000000Z`."""
    # isoformat pads the year, which strftime does not; and it is twice as fast.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


_UTC = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d)(\.\d{6})?Z", re.ASCII)


def plain_utc(text: str) -> str | None:
    """Return a time in one of the two forms in which nearly all come, as `timestamp` writes it; None for others.

    Raise ValueError when there is no such moment.
    """
    match = _UTC.fullmatch(text)
    if match is None:
        return None
    datetime.fromisoformat(text)
    return text if match[2] else f"{match[1]}.000000Z"


def timestamp_of_ms(milliseconds: int) -> str:
    """Text of a Kafka timestamp (ms since the epoch)."""
    return timestamp(datetime.fromtimestamp(milliseconds / 1000, UTC))


_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_LEAP_SECOND = "60"


def parse_timestamp(text: str) -> datetime:
    """Return the aware moment of an RFC 3339 text. Raises ValueError for other texts and without a zone.

    Lower case is read (RFC 3339, 5.6), and a leap second as the one after it.
    """
    match = _RFC_3339.fullmatch(text)
    if match is None:
        msg = f"{text!r} is not an RFC 3339 time with a zone; write it like 2026-11-23T20:15:00Z"
        raise ValueError(msg)
    day, minute, second, fraction, zone = match.groups()
    is_leap = second == _LEAP_SECOND
    moment = datetime.fromisoformat(
        f"{day}T{minute}:{'59' if is_leap else second}{fraction or ''}{zone.upper()}"
    )
    return moment + timedelta(seconds=1) if is_leap else moment


SCHEMA_URI = "urn:leads:schema:{type}"


def result_headers(envelope: Envelope, lead_id: str) -> Headers:
    """Binary-mode headers of an event we state."""
    event_type, schema = _type_and_schema(envelope.type)
    headers: Headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", envelope.id.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_type", event_type),
        ("ce_subject", _subject(lead_id)),
        ("ce_time", envelope.time.encode()),
        ("content-type", b"application/json"),
        ("ce_dataschema", schema),
        ("ce_correlationid", envelope.correlation_id.encode()),
        ("ce_position", envelope.position.encode()),
    ]
    if envelope.causation_id is not None:
        headers.append(("ce_causationid", envelope.causation_id.encode()))
    if envelope.workflow is not None:
        headers.append(("ce_workflow", envelope.workflow.encode()))
    if envelope.effect is not None:
        headers.append(("ce_effect", envelope.effect.encode()))
    if envelope.effect_reference is not None:
        headers.append(("ce_effectref", envelope.effect_reference.encode()))
    if envelope.origin != "live":
        headers.append(("ce_origin", envelope.origin.encode()))
    if envelope.expiry_time is not None:
        headers.append(("ce_expirytime", envelope.expiry_time.encode()))
    for name, value in envelope.trace:
        headers.append((name, value.encode()))
    for name, value in envelope.extensions:
        headers.append((f"ce_{name}", value.encode()))
    return headers


@lru_cache(maxsize=64)
def _type_and_schema(event_type: str) -> tuple[bytes, bytes]:
    return event_type.encode(), SCHEMA_URI.format(type=event_type).encode()


def _subject(lead_id: str) -> bytes:
    return f"lead/{attribute_text(lead_id)}".encode()


def attribute_text(text: str) -> str:
    """Return a text as an attribute may have it: line ends and tabs, which our own reader would refuse, are spaces."""
    return text if text.isprintable() else _CONTROL.sub(" ", text)


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
