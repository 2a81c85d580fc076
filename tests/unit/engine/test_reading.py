"""Records become executions or letters; a request runs only with the bytes of its letter."""

from __future__ import annotations

import dataclasses

import orjson
import pytest

from streams.store.schema import ledger
from streams.testing import (
    Cluster,
    lead,
)
from tests.support.workflow import MOMENT, RECEIVED, cell, letter_of, settle_by_others
from topics.events import (
    LeadReceived,
    LeadRejected,
    LeadValidated,
)
from topics.letter import sha256_of, without_letter
from topics.limits import MAX_HEADERS


async def test_a_replayed_record_whose_bytes_were_changed_is_refused(cluster: Cluster) -> None:
    cluster.log.append(RECEIVED, b"k", b"\xff")
    await cluster.settle()
    (record,) = cluster.letters
    cluster.log.append(cluster.names.requests, record.key, lead(), record.headers)

    await cluster.settle()

    assert letter_of(cluster.letters[-1]).code == "TAMPERED"
    assert cluster.records(LeadValidated) == []


async def test_changed_bytes_are_refused_again_when_their_letter_is_replayed(cluster: Cluster) -> None:
    cluster.log.append(RECEIVED, b"k", b"\xff")
    await cluster.settle()
    (record,) = cluster.letters
    edited = [*record.headers, ("__dlq.errors.edit.sha256", b"0" * 64), ("__dlq.errors.edit.number", b"1")]
    cluster.log.append(cluster.names.requests, record.key, lead(), edited)
    await cluster.settle()

    refused = cluster.letters[-1]
    cluster.log.append(cluster.names.requests, refused.key, refused.value, refused.headers)
    await cluster.settle()

    again = letter_of(cluster.letters[-1])
    assert (again.code, again.generation) == ("TAMPERED", 2)
    assert again.value_sha256 == letter_of(record).value_sha256
    assert cluster.records(LeadValidated) == []


async def test_a_record_that_no_letter_can_hold_is_kept_as_place_and_hash_and_is_not_replayed_without_its_bytes(
    cluster: Cluster,
) -> None:
    large = b'{"email": "' + b"x" * 3_000_000
    cluster.log.append(RECEIVED, b"k", large)
    await cluster.settle()
    (record,) = cluster.letters
    letter = letter_of(record)

    cluster.log.append(cluster.names.requests, record.key, record.value, record.headers)
    await cluster.settle()

    assert (record.value, letter.code, letter.value_sha256) == (None, "TOO_LARGE", sha256_of(large))
    assert letter.message.endswith(f"it stays at {RECEIVED}/{letter.partition}/{letter.offset}")
    assert letter_of(cluster.letters[-1]).code == "TAMPERED"


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [("action", b"paint-the-fence", "UNKNOWN_ACTION"), ("generation", b"many", "BAD_REQUEST")],
)
async def test_a_request_that_cannot_be_carried_out_becomes_a_letter(
    cluster: Cluster, header: str, value: bytes, code: str
) -> None:
    cluster.log.append(RECEIVED, b"k", b"\xff")
    await cluster.settle()
    record = cluster.letters[0]
    name = f"__dlq.errors.{header}"
    headers = [(key, value if key == name else text) for key, text in record.headers]

    cluster.log.append(cluster.names.requests, record.key, record.value, headers)
    await cluster.settle()

    assert letter_of(cluster.letters[-1]).code == code


async def test_letter_headers_that_a_stranger_wrote_on_a_public_topic_are_not_believed(
    cluster: Cluster,
) -> None:
    forged = [("__dlq.errors.action", b"send-welcome-email"), ("x-trace", None), ("x-trace", b"2")]
    cluster.log.append(RECEIVED, b"k", b"not json", forged)

    await cluster.settle()

    (record,) = cluster.letters
    assert letter_of(record).action == "validate-lead"
    assert without_letter(record.headers) == [("x-trace", None), ("x-trace", b"2")]
    assert [name for name, _ in record.headers].count("__dlq.errors.action") == 1


@pytest.mark.parametrize("timestamp", [1_700_000_000_000_000, -(10**17), 10**18 - 1])
async def test_a_record_whose_timestamp_is_no_time_becomes_a_letter(cluster: Cluster, timestamp: int) -> None:
    record = cluster.log.append(RECEIVED, b"k", lead())
    cluster.log.topics[RECEIVED] = [dataclasses.replace(record, timestamp=timestamp)]

    await cluster.settle()

    (letter,) = map(letter_of, cluster.letters)
    assert (letter.code, letter.timestamp) == ("BAD_TIMESTAMP", timestamp)


@pytest.mark.parametrize("value", [{"a": 1}, [1], 17, "x" * 100])
async def test_a_field_of_a_lead_that_is_called_as_ours_is_not_taken_for_ours(
    cluster: Cluster, value: object
) -> None:
    cluster.log.append(RECEIVED, b"k", lead(email="no address", contact_key=value, lead_id="L1"))

    await cluster.settle()

    assert len(cluster.records(LeadRejected)) == 1
    assert await cell(cluster, ledger.c.contact_key) is None


async def test_attributes_of_a_structured_event_are_no_longer_than_headers_may_be(cluster: Cluster) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/web", "type": LeadReceived.type, "time": MOMENT}
    body = orjson.dumps({**event, "note": "n" * MAX_HEADERS, "data": {"email": "jane.doe@example.com"}})
    cluster.log.append(RECEIVED, b"k", body, [("content-type", b"application/cloudevents+json")])

    await settle_by_others(cluster)

    assert [letter_of(record).action for record in cluster.letters] == ["validate-lead"]
