"""A client that shares no code with us publishes a lead in every mode and reads the results."""

from __future__ import annotations

import base64
import hmac
import json
from collections import Counter
from datetime import datetime

from tests.acceptance.making import event_headers
from tests.acceptance.stage import SECRET, Published, Stage
from tests.support.outside_client import (
    ASSIGNED,
    MATCHED,
    NOTIFIED,
    RECEIVED,
    REJECTED,
    RESULTS,
    UPSERTED,
    VALIDATED,
    WELCOMED,
    Record,
    derive,
    read_topics,
)

TYPES = {
    VALIDATED: "crm.lead.validated.v1",
    MATCHED: "crm.lead.matched.v1",
    UPSERTED: "crm.contact.upserted.v1",
    ASSIGNED: "crm.lead.assigned.v1",
    WELCOMED: "crm.lead.welcomed.v1",
    NOTIFIED: "crm.owner.notified.v1",
}
CHAIN = {
    VALIDATED: ("validate-lead", RECEIVED),
    MATCHED: ("find-duplicates", VALIDATED),
    UPSERTED: ("create-or-update-contact", MATCHED),
    ASSIGNED: ("assign-owner", UPSERTED),
    WELCOMED: ("send-welcome-email", ASSIGNED),
    NOTIFIED: ("notify-owner", ASSIGNED),
}
"""The action of each result, and the topic that it reads."""


def structured(event_id: str, data: dict[str, object], *, is_base64: bool = False) -> Published:
    body = (
        {"data_base64": base64.b64encode(json.dumps(data).encode()).decode()} if is_base64 else {"data": data}
    )
    whole = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/fairs",
        "type": "crm.lead.received.v1",
        "time": "2026-11-23T09:30:00+01:00",
        "datacontenttype": "application/json",
        "campaign": "autumn",
        **body,
    }
    content_type = b"application/cloudevents+json; charset=UTF-8"
    return Published(json.dumps(whole).encode(), headers=[("content-type", content_type)])


def contact_key(identity: str) -> str:
    return hmac.new(SECRET.encode(), identity.encode(), "sha256").hexdigest()


def murmur2(data: bytes) -> int:
    """Kafka's default partitioner, written from its Java source."""
    multiplier, mask = 0x5BD1E995, 0xFFFFFFFF
    found = (0x9747B28C ^ len(data)) & mask
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        mixed = int.from_bytes(data[at : at + 4], "little") * multiplier & mask
        mixed = (mixed ^ mixed >> 24) * multiplier & mask
        found = (found * multiplier & mask) ^ mixed
    if rest := data[whole:]:
        found = (found ^ int.from_bytes(rest, "little")) * multiplier & mask
    found = (found ^ found >> 13) * multiplier & mask
    return found ^ found >> 15


def headers_of(record: Record) -> dict[str, str]:
    names = Counter(name for name, _ in record.headers)
    assert set(names.values()) == {1}, f"a header stands twice: {names}"
    return {name: (value or b"").decode() for name, value in record.headers}


LEADS = {
    "plain": Published(b'{"email": "Plain@Customer.Example", "name": "Pia Plain"}'),
    "binary": Published(
        b'{"email": "binary@customer.example", "lead_id": "L-2"}',
        b"any key",
        [
            *event_headers("b-1", campaign="autumn"),
            ("traceparent", b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01"),
        ],
    ),
    "structured": structured("s-1", {"phone": "+49 30 7654321", "lead_id": "L-3"}),
    "base64": structured("s-2", {"email": "base64@customer.example"}, is_base64=True),
}


def test_a_client_without_our_code_publishes_in_every_mode_and_follows_each_run(stage: Stage) -> None:
    stage.open()
    stage.start_worker()

    places = dict(zip(LEADS, stage.publish(LEADS.values()), strict=True))
    stage.settle(within=40)

    records = read_topics(stage.kafka, stage.prefix)
    plain_place = places["plain"].split("/")
    plain_id = derive(plain_place[0], int(plain_place[1]), int(plain_place[2]))
    begun = {
        "plain": ("/unknown", plain_id, plain_id, "plain@customer.example"),
        "binary": ("/web", "b-1", "L-2", "binary@customer.example"),
        "structured": ("/fairs", "s-1", "L-3", "+49307654321"),
        "base64": ("/fairs", "s-2", "s-2", "base64@customer.example"),
    }
    assert {topic: len(records[topic]) for topic in RESULTS} == {
        topic: 0 if topic == REJECTED else len(LEADS) for topic in RESULTS
    }
    for mode, (source, event_id, lead_id, identity) in begun.items():
        run, key = derive(source, event_id), contact_key(identity)
        stated = {RECEIVED: (source, event_id)}
        for topic, (action, reads) in CHAIN.items():
            expected_id = derive(*stated[reads], action, 1)
            (record,) = (each for each in records[topic] if each.header("ce_id") == expected_id)
            stated[topic] = (f"/leads/{action}", expected_id)
            found = headers_of(record)
            assert datetime.fromisoformat(found.pop("ce_time")).utcoffset() is not None
            expected = {
                "ce_specversion": "1.0",
                "ce_id": expected_id,
                "ce_source": f"/leads/{action}",
                "ce_type": TYPES[topic],
                "ce_subject": f"lead/{lead_id}",
                "content-type": "application/json",
                "ce_dataschema": f"urn:leads:schema:{TYPES[topic]}",
                "ce_correlationid": run,
                "ce_causationid": stated[reads][1],
                "ce_position": places[mode],
                "ce_workflow": "new-lead-onboarding",
            }
            if mode == "binary":
                expected["traceparent"] = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
            if topic in (WELCOMED, NOTIFIED) and record.data["outcome"] == "sent":
                of_contact = topic == WELCOMED
                expected["ce_effect"] = f"welcome:{key}" if of_contact else f"notify:{run}"
                expected["ce_effectref"] = record.data["message_id" if of_contact else "reference"]
            if mode != "plain":
                expected["ce_campaign"] = "autumn"  # an unknown attribute is carried to what follows
            assert found == expected, f"{mode}, {topic}"
            assert record.key == key.encode()
            assert record.partition == (murmur2(key.encode()) & 0x7FFFFFFF) % 6
            assert record.data["lead_id"] == lead_id
            assert record.data["contact_key"] == key


def test_what_an_outside_client_reads_is_what_happened(stage: Stage) -> None:
    stage.open()
    stage.start_worker()

    stage.publish(LEADS.values())
    stage.settle(within=40)

    records = read_topics(stage.kafka, stage.prefix)
    outcomes = Counter((record.data["outcome"], record.data.get("reason")) for record in records[WELCOMED])
    assert outcomes == {("sent", None): 3, ("skipped", "no-email"): 1}
    assert {record.data["message_id"] for record in records[WELCOMED] if "message_id" in record.data} == {
        line["message_id"] for line in stage.mails.lines()
    }
    assert sorted(to for line in stage.mails.lines() for to in line["to"]) == [  # type: ignore[attr-defined]
        "base64@customer.example",
        "binary@customer.example",
        "plain@customer.example",
    ]
    assert {record.data["reference"] for record in records[NOTIFIED]} == {
        line["webhook_id"] for line in stage.webhooks.lines()
    }
    assert all(line["is_verified"] for line in stage.webhooks.lines())
    assert Counter(record.data["owner"]["id"] for record in records[ASSIGNED]).most_common(1)[0][1] == 2
    assert stage.sql("SELECT count(*), count(owner_id), count(DISTINCT contact_id) FROM contacts")[0] == (
        4,
        4,
        4,
    )
