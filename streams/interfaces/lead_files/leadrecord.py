"""Makes the record of a lead from a file: a CloudEvent that gets the same id every time."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta

import orjson

from streams.interfaces.lead_files.rows import BadLine, Row
from streams.kafka.producer import Outgoing
from topics import ids
from topics.decode import Decoded, Position, decode
from topics.envelope import Headers, parse_timestamp, timestamp
from topics.events import LeadReceived
from topics.failures import DecodeError
from topics.registry import TopicNames

_FIELD = re.compile(r"([a-z][a-z_.]{0,59})(?:: | has )")
_OURS = frozenset({"specversion", "type", "subject"})
"""Attributes that follow from the topic and the lead, whether the row has them or not."""


class LeadRecords:
    """Makes the records of one file.

    A row without `ce_id` gets an id from `ce_source` and its content: publishing the file again, also with rows added
    to it, repeats what was published and makes no second lead; an edited row is a new event about its lead.
    """

    def __init__(self, names: TopicNames, source: str, began: datetime) -> None:
        """`source` and `began` are `ce_source` and `ce_time` of rows without their own; each row gets a later time."""
        self._topic = names.of(LeadReceived)
        # The real place is not known yet, and decoding needs one; its time is about that of the record.
        self._place = Position(self._topic, 0, 0, int(datetime.now(UTC).timestamp() * 1000))
        self._source = source
        self._began = began
        self._recorded = timestamp(began).encode()
        self._rows = 0

    def make(self, row: Row) -> tuple[Outgoing, Decoded] | BadLine:
        """Return the record and the event as a worker will decode it, or why it would become a dead letter."""
        self._rows += 1
        try:
            value = orjson.dumps(row.lead)
        except orjson.JSONEncodeError as error:
            return BadLine(row.line, "NOT_JSON", str(error))
        source = row.attributes.get("source", self._source)
        # A time that was taken from a column is part of the content: else two answers of one person would be one event.
        content = row.lead if row.dated_by is None else row.lead | {"ce_time": row.dated_by}
        event_id = row.attributes.get("id") or content_id(source, content)
        lead_id = row.lead.get("lead_id")
        lead_id = lead_id if isinstance(lead_id, str) and lead_id else event_id
        given = row.attributes
        # One microsecond apart, so that of two rows about one person the later one counts as newer.
        moment = given.get("time") or timestamp(self._began + timedelta(microseconds=self._rows))
        headers: Headers = [
            ("ce_specversion", given.get("specversion", "1.0").encode()),
            ("ce_id", event_id.encode()),
            ("ce_source", source.encode()),
            ("ce_type", given.get("type", LeadReceived.type).encode()),
            ("ce_subject", f"lead/{lead_id}".encode()),
            ("ce_time", moment.encode()),
            ("content-type", b"application/json"),
        ]
        carried = given.keys() - _OURS - {"id", "source", "time"}
        headers += [(f"ce_{name}", given[name].encode()) for name in sorted(carried)]
        if "time" in given and "recordedtime" not in given:
            # An opt-out column says what held when the file was published, whenever the lead itself was made.
            headers.append(("ce_recordedtime", self._recorded))
        try:
            decoded = decode(value, headers, LeadReceived, self._place)
        except DecodeError as error:
            return bad_line(row.line, error)
        return Outgoing(self._topic, lead_id.encode(), value, headers), decoded


def bad_line(line: int, error: DecodeError) -> BadLine:
    """Return the line with the reason why its record would become a dead letter."""
    named = _FIELD.match(error.message)
    return BadLine(line, error.code, error.message, named[1] if named else "")


def content_id(source: str, lead: dict[str, object]) -> str:
    """Return an id derived from the content of a lead, independent of how its JSON is written."""
    content = orjson.dumps(lead, option=orjson.OPT_SORT_KEYS)
    return ids.derive_text("content", source, hashlib.sha256(content).hexdigest())


def read_time(text: str) -> datetime:
    """Return the time of `--time`. Raise `ValueError` with an example of the right form."""
    try:
        return parse_timestamp(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not an RFC 3339 time with a zone; write it like 2026-11-23T20:15:00Z"
        ) from None
