"""Turns records into rows of the scratch database: ids, places, hashes, and few values."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from streams.operations.verify.contract import (
    ASSIGNED,
    EFFECT_KEY,
    EFFECT_REFERENCE,
    LETTERS,
    MATCHED,
    REQUESTS,
    UPSERTED,
    Effect,
    Headers,
    derive,
    partition_of,
)
from streams.operations.verify.evidence import Look, Record
from streams.operations.verify.field_history import content_of, fields_rows
from streams.operations.verify.letters import letter_row
from streams.operations.verify.scratch import Scratch

BATCH_SIZE = 5_000
"""Records per insert."""
NOT_OF_THIS_TOPIC = "a record that is not an event of this topic"
WRONG_KEY = "a result under another key"
WRONG_PARTITION = "a record on another partition than its key's"
NO_LETTER = "a record that is not a dead letter on the topic of dead letters"
_UUID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def id_bytes(text: str) -> bytes:
    """Return 16 bytes of an id: itself where it is a UUID, else its hash."""
    if _UUID.fullmatch(text):
        return bytes.fromhex(text.replace("-", ""))
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def fingerprint(key: bytes | None, value: bytes | None, headers: Headers) -> bytes:
    """Return three hashes of 8 bytes each, of the key, value and header list, which a dead letter must repeat."""
    return _hash(key) + _hash(value) + _hash(repr(headers).encode())


def _hash(raw: bytes | None) -> bytes:
    return b"\0" * 8 if raw is None else hashlib.blake2b(raw, digest_size=8).digest()


class Intake:
    """Takes records of any topic, in any order of topics; partition by partition in offset order."""

    def __init__(self, scratch: Scratch, look: Look, prefix: str, group: str, taken: int = 0) -> None:
        """`look` has the numbers of partitions; letters must name `prefix` and `group`; `taken` are in already."""
        contract = scratch.contract
        self._scratch = scratch
        self._contract = contract
        self._prefix = prefix
        self._group = group
        self._partitions = {topic: look.partitions(topic) for topic in contract.topics}
        self._topics = {topic: number for number, topic in enumerate(contract.topics)}
        self._by_source = {action.source.encode(): number for number, action in enumerate(contract.actions)}
        self._causes = [
            [contract.actions[before].source for before in contract.emitting(action.reads)]
            for action in contract.actions
        ]
        """Per action the sources of the events that it acts on; none of those that other people publish."""
        self._rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self._emails: set[bytes] = set()
        self._next = taken

    def take(self, record: Record) -> None:
        """Take one record; it is in the scratch database after `flush`."""
        self._next += 1
        if record.topic in self._contract.public:
            self._take_received(record)
        elif record.topic == LETTERS:
            self._take_letter(record)
        elif record.topic == REQUESTS:
            self._take_request(record)
        else:
            self._take_result(record)
        if self._next % BATCH_SIZE == 0:
            self.flush()

    def flush(self) -> None:
        """Insert the collected rows."""
        for table, rows in self._rows.items():
            self._scratch.insert(table, rows)
        self._rows.clear()

    def _place(self, record: Record) -> str:
        return f"{self._prefix}{record.place}"

    def _add(self, record: Record, *more: object) -> None:
        original = record.original_headers
        print_ = fingerprint(record.key, record.value, original)
        at = (self._topics[record.topic], record.partition, record.offset, record.timestamp)
        self._rows["records"].append((self._next, *at, print_, *more))

    def _misplace(self, what: str) -> None:
        self._rows["misplaced"].append((self._next, what))

    def _result(self, identity: tuple[str, str] | None, action: int) -> bytes | None:
        """Return the id of an action's result for an event; None for an event without an identity."""
        if identity is None:
            return None
        acting = self._contract.actions[action]
        return id_bytes(derive(*identity, acting.name, acting.version))

    def _add_steps(self, topic: str, identity: tuple[str, str] | None) -> None:
        for action in self._contract.reading(topic):
            self._rows["steps"].append((self._result(identity, action), action, self._next))

    def _take_received(self, record: Record) -> None:
        place = self._place(record)
        identity = record.identity(place)
        event = run = None
        if identity is not None:
            event, run = id_bytes(identity[1]), id_bytes(derive(*identity))
        self._add(record, event, run, _hash(place.encode()), None, None, None)
        self._add_steps(record.topic, identity)
        if identity is not None and identity[0] != "/unknown" and (digest := content_of(record)) is not None:
            self._rows["contents"].append((self._next, run, digest))

    def _take_request(self, record: Record) -> None:
        self._add(record, None, None, None, None, None, None)
        letter = letter_row(record, self._prefix, self._group)
        action = self._scratch.action(letter.action)
        if action is not None and (result := self._result(letter.identity, action)) is not None:
            self._rows["asked"].append((result,))

    def _take_letter(self, record: Record) -> None:
        run = record.header("ce_correlationid")
        self._add(record, None, None, None, None, None, None)
        letter = letter_row(record, self._prefix, self._group)
        if not letter.id:
            self._misplace(NO_LETTER)
            return
        self._check_partition(record)
        action = self._scratch.action(letter.action)
        self._rows["letters"].append(
            (
                self._next,
                letter.id,
                action,
                letter.code,
                letter.failure_class,
                letter.generation,
                self._topics.get(letter.topic),
                letter.partition,
                letter.offset,
                letter.timestamp,
                letter.place,
                None if action is None else self._result(letter.identity, action),
                None if run is None else id_bytes(run),
                ", ".join(letter.wrong),
                letter.edits,
            )
        )

    def _take_result(self, record: Record) -> None:
        headers = {name: value or b"" for name, value in record.headers}
        event_id = headers.get("ce_id", b"").decode(errors="replace")
        action = self._by_source.get(headers.get("ce_source", b""))
        is_ours = (
            action is not None
            and record.topic in self._contract.actions[action].emits
            and headers.get("ce_type") == self._contract.events[record.topic].type.encode()
            and _UUID.fullmatch(event_id) is not None
        )
        if not is_ours:
            self._misplace(NOT_OF_THIS_TOPIC)
            action = None
        event = id_bytes(event_id)
        cause = headers.get("ce_causationid", b"").decode(errors="replace")
        run = id_bytes(headers.get("ce_correlationid", b"").decode(errors="replace"))
        origin = _hash(headers.get("ce_position", b""))
        is_derived = None
        if action is not None and (sources := self._causes[action]):
            is_derived = any(event == self._result((source, cause), action) for source in sources)
        self._add(record, event, run, origin, action, id_bytes(cause), is_derived)
        if action is not None:
            self._take_facts(record, headers, action)
        if headers.get("ce_workflow") == self._contract.workflow.encode():
            self._add_steps(record.topic, record.identity(self._place(record)))
        # else the action was requested alone: nothing follows it

    def _take_facts(self, record: Record, headers: Mapping[str, bytes], action: int) -> None:
        data = record.data
        key = data.get(self._contract.events[record.topic].key_field)
        if not isinstance(key, str) or record.key != key.encode():
            self._misplace(WRONG_KEY)
        self._check_partition(record)
        effect = self._contract.actions[action].effect
        if effect is not None:
            self._take_proof(record, headers, effect, data)
        if record.topic == MATCHED:
            self._rows["field_times"] += fields_rows(self._next, record)
        elif record.topic == UPSERTED:
            revision = data.get("revision")
            revision = revision if isinstance(revision, int) else 0
            self._add_fact(record, data, str(data.get("outcome")), revision, None, None, None)
        elif record.topic == ASSIGNED:
            self._take_assigned(record, data)

    def _take_assigned(self, record: Record, data: Mapping[str, Any]) -> None:
        owner, names = data.get("owner"), data.get("candidates")
        owner = owner if isinstance(owner, dict) else {}
        owner_id = None if owner.get("id") is None else str(owner["id"])
        lead = self._scratch.hide(str(data.get("lead_id")))
        candidates = "\n".join(map(str, names)) if isinstance(names, list) else None
        self._add_fact(record, data, str(data.get("strategy")), 0, owner_id, lead, candidates)
        email = self._scratch.hide(str(owner.get("email")).lower())
        if email is not None and email not in self._emails:
            self._emails.add(email)
            self._rows["owners"].append((email,))

    def _add_fact(self, record: Record, data: Mapping[str, Any], *more: object) -> None:
        contact = str(data.get("contact_id"))
        self._rows["facts"].append((self._next, self._topics[record.topic], contact, *more))

    def _take_proof(
        self, record: Record, headers: Mapping[str, bytes], effect: Effect, data: Mapping[str, Any]
    ) -> None:
        """Note that the action made its call. Its result proves it by a header, or by a reference in its field."""
        reference = None if effect.reference_field is None else data.get(effect.reference_field)
        if reference is None and EFFECT_REFERENCE in headers:
            reference = headers[EFFECT_REFERENCE].decode(errors="replace")
        key = headers.get(EFFECT_KEY)
        if key is None and reference is None:
            return
        if key is None:
            # Builds without these headers: derive the key from the effect's scope.
            subject = headers.get("ce_correlationid", b"")
            if effect.scope == "contact":
                subject = str(data["contact_key"]).encode() if "contact_key" in data else record.key or b""
            key = f"{effect.name}:".encode() + subject
        contact = data.get("contact_id")
        self._rows["proofs"].append(
            (
                self._next,
                effect.name,
                _hash(key),
                None if contact is None else str(contact),
                None if reference is None else str(reference),
            )
        )

    def _check_partition(self, record: Record) -> None:
        count = self._partitions[record.topic]
        if record.key is not None and count and partition_of(record.key, count) != record.partition:
            self._misplace(WRONG_PARTITION)
