"""Writes records that only a stranger or a broken build would write, and runs `leads` on them."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.producer import message_accumulator, producer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from confluent_kafka import Producer

from tests.acceptance.forking import Forking
from tests.acceptance.making import as_event, event_headers, person
from tests.acceptance.processes import Process
from tests.acceptance.stage import Headers, Published, Stage
from tests.acceptance.waiting import eventually
from tests.support.commands import Ended
from tests.support.outside_client import LETTER, LETTERS, RECEIVED, REQUESTS, VALIDATED, derive

GOOD = 20
"""Healthy leads published meanwhile; two of them in ways that our own clients do not use."""
LEAD = json.dumps({**person(9000), "lead_id": "lead-9000"}).encode()
UNWANTED = ("Traceback", "\x1b", "customer.example", "+49", "GmbH", "call me back")
"""Texts that no log and no command may print: traces, terminal escapes and data of leads."""
ESCAPES = "\x1b]0;owned\x07\x1b[2J"
MIB = 1 << 20


def letter(stage: Stage, number: int, value: bytes | None = LEAD, **fields: object) -> Published:
    """Return a dead letter in our own form; `fields` are its headers in bytes or text, None for a missing one.

    `original` has the record's own headers, `more` is added at the end, `source` is the topic without its prefix.
    """
    original: Any = fields.pop("original", event_headers(f"e-{number}"))
    more: Any = fields.pop("more", [])
    topic = stage.prefix + str(fields.pop("source", RECEIVED))
    action = str(fields.get("action", "validate-lead"))
    headers = {
        "topic": topic,
        "partition": 0,
        "offset": number,
        "timestamp": 1_700_000_000_000,
        "group": stage.group,
        "delivery.count": 1,
        "message": "It failed.",
        "version": "1",
        "id": derive(topic, 0, number, stage.group, action),
        "generation": 0,
        "time": "2026-11-23T08:00:00.000000Z",
        "first.time": "2026-11-23T08:00:00.000000Z",
        "action": action,
        "action.version": 1,
        "stage": "decode",
        "class": "invalid",
        "code": "WRONG_TYPE",
        "fingerprint": "a" * 12,
        "app.version": "0.0.9",
        "value.sha256": None if value is None else hashlib.sha256(value).hexdigest(),
        **{name.replace("_", "."): text for name, text in fields.items()},
    }
    own = [(LETTER + name, _bytes(text)) for name, text in headers.items() if text is not None]
    return Published(value, b"k", [*original, *own, *more])


def id_of(record: Published) -> str:
    """Return the letter's id."""
    return next((value or b"").decode() for name, value in record.headers if name == f"{LETTER}id")


def _bytes(text: object) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode()


def letters_of_other_builds(stage: Stage) -> dict[str, Published]:
    """Return readable letters with content that this build does not know or must not trust."""
    (validated, *_) = stage.records(VALIDATED)
    surprising = json.dumps({**validated.data, "surprise": 1}).encode()
    structured = {"specversion": "1.0", "id": "s-1", "source": "/web", "type": "crm.lead.received.v1"}
    mode: Headers = [("content-type", b"application/cloudevents+json")]
    return {
        "unknown action": letter(stage, 9001, action="paint-the-fence"),
        "newer action": letter(stage, 9002, action_version=99),
        "newer event": letter(stage, 9003, original=event_headers("e-9003", type="crm.lead.received.v2")),
        "unknown field": letter(
            stage, 9004, surprising, source=VALIDATED, action="find-duplicates", original=validated.headers
        ),
        "tampered": letter(stage, 9005, value_sha256="0" * 64),
        "no JSON": letter(stage, 9006, b"{not json"),
        "structured": letter(stage, 9007, json.dumps(structured).encode(), original=mode),
        "escapes": letter(stage, 9008, b'{"lead_id": "\\u001b[2J"}', original=[], message=ESCAPES),
    }


def no_letters(stage: Stage) -> list[tuple[str, Published]]:
    """Return records of the letters topic that are no letters, each with the worker's message."""
    return [
        ("id is missing", letter(stage, 9101, id=None)),
        ("stage is missing", Published(LEAD, b"k", letter(stage, 9100).headers[:-6])),
        ("id is given twice", letter(stage, 9102, more=[(f"{LETTER}id", b"x")])),
        ("message is not UTF-8 at byte 3", letter(stage, 9103, message=b"It \xff")),
        ("offset is 'many' and must be a whole number", letter(stage, 9104, offset="many")),
        ("next.attempt is '9999-12-31", letter(stage, 9105, next_attempt="9999-12-31T23:59:59Z")),
        ("topic is missing", Published(LEAD, b"k")),
        ("topic is missing", Published(b"\x00\xff\xfe", b"\xff", [("x", b"\xff")])),
        ("topic is missing", Published(None, b"k")),
    ]


def bad_requests(stage: Stage) -> dict[str, tuple[str, Published]]:
    """Return records of the requests topic, each with the code of the letter that it becomes."""
    return {
        "unknown action": ("UNKNOWN_ACTION", letter(stage, 9201, action="paint-the-fence")),
        "tampered": ("TAMPERED", letter(stage, 9202, value_sha256="0" * 64, edit_sha256="1" * 64)),
        "no id": ("BAD_REQUEST", letter(stage, 9203, id=None)),
        "no headers": ("BAD_REQUEST", Published(LEAD, b"k")),
        "tombstone": ("BAD_REQUEST", Published(None, b"k")),
        "newer action": ("", letter(stage, 9204, action_version=99)),
    }


class _Name(str):
    """Header name that is encoded as Latin-1, as a client in another language may do."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return super().encode("latin-1")


def publish_odd_name(stage: Stage, record: Published) -> None:
    """Publish a record with one more header whose name is not UTF-8, which no Python client allows."""
    headers = [*record.headers, (_Name("b\xe4d"), b"x")]

    async def publish() -> None:
        async with AIOKafkaProducer(bootstrap_servers=stage.kafka) as client:
            await client.send_and_wait(stage.prefix + RECEIVED, record.value, record.key, headers=headers)

    with pytest.MonkeyPatch.context() as patched:
        for module in (message_accumulator, producer):
            patched.setattr(module, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
        asyncio.run(publish())


def publish_packed(stage: Stage, value: bytes, topic: str) -> None:
    """Publish a compressed record: small for the broker and large for its readers."""
    client = Producer(
        {"bootstrap.servers": stage.kafka, "message.max.bytes": 64 * MIB, "compression.type": "gzip"}
    )
    client.produce(stage.prefix + topic, value=value, key=b"packed")
    assert client.flush(30) == 0


@dataclass
class Installation:
    """A stage with all of these records between healthy leads."""

    stage: Stage
    worker: Process
    commands: Forking
    ids: dict[str, str] = field(default_factory=dict)
    """Ids of letters by what is wrong with them."""
    refused: dict[str, str] = field(default_factory=dict)
    """Places of records that are no letters, each with the worker's message."""

    @classmethod
    def write(cls, stage: Stage, commands: Forking) -> Installation:
        """Write all records and wait until a worker has finished with them."""
        made = cls(stage, stage.start_worker(), commands)
        stage.publish(as_event(number, person(number)) for number in range(GOOD // 2))
        stage.settle(within=60)
        foreign, known = no_letters(stage), letters_of_other_builds(stage)
        made.ids = {what: id_of(record) for what, record in known.items()}
        places = stage.publish((record for _, record in foreign), LETTERS)
        made.refused = dict(zip(places, (message for message, _ in foreign), strict=True))
        stage.publish(known.values(), LETTERS)
        stage.publish([record for _, record in bad_requests(stage).values()], REQUESTS)
        publish_packed(stage, b"x" * 3 * MIB, REQUESTS)
        publish_packed(stage, b'{"email": "' + b"x" * 3 * MIB, RECEIVED)
        publish_odd_name(stage, as_event(GOOD // 2, person(GOOD // 2)))
        stage.publish(as_event(number, person(number)) for number in range(GOOD // 2 + 1, GOOD))
        stage.settle(within=60)
        expected = len(known) + len(bad_requests(stage)) - 1 + 2
        eventually(made.letters, lambda indexed: len(indexed) == expected, within=20)
        return made

    def letters(self) -> dict[str, tuple[str, str]]:
        """Return status and code of each letter of the index."""
        rows = self.stage.sql("SELECT id, status, code FROM letters")
        return {row[0]: (row[1], row[2]) for row in rows}

    def leads(
        self, *arguments: str, code: int = 0, message: str = "", settings: Mapping[str, str] | None = None
    ) -> Ended:
        """Run `leads dead-letters …`; fail when it ends otherwise, prints a trace, or prints data of leads."""
        ended = self.commands.run("dead-letters", *arguments, settings=settings)
        assert (ended.code, message in ended.err + ended.out) == (code, True), (arguments, message, ended)
        assert not [text for text in UNWANTED if text in ended.out + ended.err], (arguments, ended)
        if "--json" in arguments:
            assert all(isinstance(line, dict) for line in ended.lines), (arguments, ended)
        return ended

    def file(self, name: str, content: bytes) -> str:
        """Write a file into the stage's folder."""
        (self.stage.folder / name).write_bytes(content)
        return str(self.stage.folder / name)
