"""This file turns records into rows of the scratch database: ids, places, hashes, and few values."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from typing import Any

from streams.operations.verify.contract import (
    ACTIONS,
    ASSIGNED,
    KEY_FIELDS,
    LETTERS,
    MATCHED,
    NAMES,
    NOTIFIED,
    RECEIVED,
    REJECTED,
    REQUESTS,
    STATES,
    TOPICS,
    TYPES,
    UPSERTED,
    WELCOMED,
    WORKFLOW,
    Headers,
    derive,
    partition_of,
)
from streams.operations.verify.evidence import Look, Record
from streams.operations.verify.field_history import content_of, fields_row
from streams.operations.verify.letters import letter_row
from streams.operations.verify.scratch import Scratch, number

AT_ONCE = 5_000
"""Records per insert."""
NOT_OF_THIS_TOPIC = "a record that is no event of this topic"
WRONG_KEY = "a result under another key"
WRONG_PARTITION = "a record on another partition than its key's"
NO_LETTER = "a record that is no dead letter on the topic of dead letters"
_UUID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_TOPICS = {topic: at for at, topic in enumerate(TOPICS)}
_ACTIONS = {f"/leads/{name}".encode(): at for at, name in enumerate(NAMES)}
_BEFORE = {
    name: next((f"/leads/{other}" for other in NAMES if topic in STATES[other]), None)
    for topic, actions in ACTIONS.items()
    for name in actions
}
"""Per action: the source of the events that it acts on; None of those that other people publish."""


def id_bytes(text: str) -> bytes:
    """16 bytes of an id: itself where it is a UUID, else its hash."""
    if _UUID.fullmatch(text):
        return bytes.fromhex(text.replace("-", ""))
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def fingerprint(key: bytes | None, value: bytes | None, headers: Headers) -> bytes:
    """Three hashes of 8 bytes each, of what a dead letter must repeat: key, value, header list."""
    return _hash(key) + _hash(value) + _hash(repr(headers).encode())


def _hash(raw: bytes | None) -> bytes:
    return b"\0" * 8 if raw is None else hashlib.blake2b(raw, digest_size=8).digest()


class Intake:
    """Takes records of any topic, in any order of topics; partition by partition in offset order."""

    def __init__(self, scratch: Scratch, look: Look, prefix: str, group: str, taken: int = 0) -> None:
        """`look` says how many partitions there are; letters must name `prefix` and `group`; `taken` are in."""
        self._scratch = scratch
        self._prefix = prefix
        self._group = group
        self._partitions = {topic: look.partitions(topic) for topic in TOPICS}
        self._rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self._emails: set[bytes] = set()
        self._next = taken

    def take(self, record: Record) -> None:
        """Take one record; it is in the scratch database after `flush`."""
        self._next += 1
        if record.topic == RECEIVED:
            self._take_received(record)
        elif record.topic == LETTERS:
            self._take_letter(record)
        elif record.topic == REQUESTS:
            self._take_request(record)
        else:
            self._take_result(record)
        if self._next % AT_ONCE == 0:
            self.flush()

    def flush(self) -> None:
        """Insert what was taken."""
        for table, rows in self._rows.items():
            self._scratch.insert(table, rows)
        self._rows.clear()

    def _place(self, record: Record) -> str:
        return f"{self._prefix}{record.place}"

    def _add(self, record: Record, *more: object) -> None:
        original = record.original_headers
        print_ = fingerprint(record.key, record.value, original)
        at = (_TOPICS[record.topic], record.partition, record.offset, record.timestamp)
        self._rows["records"].append((self._next, *at, print_, *more))

    def _misplace(self, what: str) -> None:
        self._rows["misplaced"].append((self._next, what))

    def _take_received(self, record: Record) -> None:
        place = self._place(record)
        identity = record.identity(place)
        event = run = result = None
        if identity is not None:
            event, run = id_bytes(identity[1]), id_bytes(derive(*identity))
            result = id_bytes(derive(*identity, NAMES[0], 1))
        self._add(record, event, run, _hash(place.encode()), None, None, None)
        self._rows["steps"].append((result, 0, self._next))
        if identity is not None and identity[0] != "/unknown" and (digest := content_of(record)) is not None:
            self._rows["contents"].append((self._next, result, digest))

    def _take_request(self, record: Record) -> None:
        self._add(record, None, None, None, None, None, None)
        letter = letter_row(record, self._prefix, self._group)
        if letter.action in NAMES and letter.identity is not None:
            self._rows["asked"].append((id_bytes(derive(*letter.identity, letter.action, 1)),))

    def _take_letter(self, record: Record) -> None:
        run = record.header("ce_correlationid")
        self._add(record, None, None, None, None, None, None)
        letter = letter_row(record, self._prefix, self._group)
        if not letter.id:
            self._misplace(NO_LETTER)
            return
        self._check_partition(record)
        result = None
        if letter.action in NAMES and letter.identity is not None:
            result = id_bytes(derive(*letter.identity, letter.action, 1))
        self._rows["letters"].append(
            (
                self._next,
                letter.id,
                number(NAMES, letter.action),
                letter.code,
                letter.failure_class,
                letter.generation,
                _TOPICS.get(letter.topic),
                letter.partition,
                letter.offset,
                letter.timestamp,
                letter.place,
                result,
                None if run is None else id_bytes(run),
                ", ".join(letter.wrong),
                letter.edits,
            )
        )

    def _take_result(self, record: Record) -> None:
        said = {name: value or b"" for name, value in record.headers}
        source, event_id = said.get("ce_source", b""), said.get("ce_id", b"").decode(errors="replace")
        action = _ACTIONS.get(source)
        is_ours = (
            action is not None
            and record.topic in STATES[NAMES[action]]
            and said.get("ce_type") == TYPES[record.topic].encode()
            and _UUID.fullmatch(event_id) is not None
        )
        if not is_ours:
            self._misplace(NOT_OF_THIS_TOPIC)
            action = None
        event = id_bytes(event_id)
        cause = said.get("ce_causationid", b"").decode(errors="replace")
        run = id_bytes(said.get("ce_correlationid", b"").decode(errors="replace"))
        origin = _hash(said.get("ce_position", b""))
        before = None if action is None else _BEFORE[NAMES[action]]
        is_derived = None
        if action is not None and before is not None:
            is_derived = derive(before, cause, NAMES[action], 1) == event_id
        self._add(record, event, run, origin, action, id_bytes(cause), is_derived)
        if action is not None:
            self._take_facts(record, run)
            if record.topic == MATCHED and (row := fields_row(self._next, record)) is not None:
                self._rows["said"].append(row)
        if said.get("ce_workflow") != WORKFLOW.encode():
            return  # an action asked for alone: nothing follows it
        identity = record.identity(self._place(record))
        for name in ACTIONS.get(record.topic, ()):
            result = None if identity is None else id_bytes(derive(*identity, name, 1))
            self._rows["steps"].append((result, NAMES.index(name), self._next))

    def _take_facts(self, record: Record, run: bytes) -> None:
        data = record.data
        key = data.get(KEY_FIELDS[record.topic])
        if not isinstance(key, str) or record.key != key.encode():
            self._misplace(WRONG_KEY)
        self._check_partition(record)
        if record.topic in (REJECTED, WELCOMED, NOTIFIED):
            self._rows["ends"].append((run, _TOPICS[record.topic]))
        if record.topic not in (UPSERTED, ASSIGNED, WELCOMED, NOTIFIED):
            return
        revision, owner, names = data.get("revision"), data.get("owner"), data.get("candidates")
        owner = owner if isinstance(owner, dict) else {}
        said = {
            UPSERTED: None,
            ASSIGNED: owner.get("id"),
            WELCOMED: data.get("message_id"),
            NOTIFIED: data.get("reference"),
        }
        outcome = data.get("strategy" if record.topic == ASSIGNED else "outcome")
        lead = self._scratch.hide(str(data.get("lead_id"))) if record.topic == ASSIGNED else None
        self._rows["facts"].append(
            (
                self._next,
                _TOPICS[record.topic],
                str(data.get("contact_id")),
                str(outcome),
                revision if isinstance(revision, int) else 0,
                None if said[record.topic] is None else str(said[record.topic]),
                lead,
                "\n".join(map(str, names)) if record.topic == ASSIGNED and isinstance(names, list) else None,
            )
        )
        if record.topic == ASSIGNED:
            email = self._scratch.hide(str(owner.get("email")).lower())
            if email is not None and email not in self._emails:
                self._emails.add(email)
                self._rows["owners"].append((email,))

    def _check_partition(self, record: Record) -> None:
        count = self._partitions[record.topic]
        if record.key is not None and count and partition_of(record.key, count) != record.partition:
            self._misplace(WRONG_PARTITION)
