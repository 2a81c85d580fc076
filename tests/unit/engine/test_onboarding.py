"""The guarantees of the workflow over store and log."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from actions.action import ActionFunction
from actions.create_or_update_contact import create_or_update_contact
from actions.ports import Contacts, Mail
from streams.engine.handover import Records
from streams.kafka.producer import PublishError
from streams.onboarding import ONBOARDING
from streams.store import letters
from streams.store.engine import Database
from streams.store.schema import contacts, ledger
from streams.workflow import Step, Workflow
from tests.support.memory import Cluster, LogRecord
from tests.support.onboarding import OWNERS, World, adapters_of, event_headers, lead
from topics import ids
from topics.events import (
    ContactUpserted,
    Event,
    LeadAssigned,
    LeadMatched,
    LeadRejected,
    LeadValidated,
    LeadWelcomed,
    OwnerNotified,
)
from topics.letter import DeadLetter, sha256_of, without_letter

RECEIVED = "crm.leads.received.v1"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def cluster(database: Database, world: World) -> Cluster:
    return Cluster(ONBOARDING, adapters_of(world), database)


def attributes(record: LogRecord) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in record.headers}


def data(record: LogRecord) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(record.value or b"null")
    return found


def letter_of(record: LogRecord) -> DeadLetter:
    return DeadLetter.from_headers(record.headers)


async def rows(cluster: Cluster, query: sa.Select[Any]) -> list[Any]:
    return await cluster.database.run(lambda connection: list(connection.execute(query)))


async def count(cluster: Cluster, table: sa.Table) -> int:
    return int((await rows(cluster, sa.select(sa.func.count()).select_from(table)))[0][0])


async def test_a_lead_passes_all_six_actions_and_each_result_names_its_cause(
    cluster: Cluster, world: World
) -> None:
    source = cluster.log.append(RECEIVED, b"any", lead(lead_id="L1"), event_headers("e-1"))

    await cluster.settle()

    chain: tuple[type[Event], ...] = (LeadValidated, LeadMatched, ContactUpserted, LeadAssigned, LeadWelcomed)
    cause_source, cause = "/web", "e-1"
    for event, action in zip(
        chain,
        (
            "validate-lead",
            "find-duplicates",
            "create-or-update-contact",
            "assign-owner",
            "send-welcome-email",
        ),
        strict=True,
    ):
        (record,) = cluster.records(event)
        found = attributes(record)
        assert found["ce_id"] == ids.result_id(cause_source, cause, action, 1)
        assert (found["ce_causationid"], found["ce_source"]) == (cause, f"/leads/{action}")
        assert found["ce_correlationid"] == ids.run_id("/web", "e-1")
        assert found["ce_position"] == f"{RECEIVED}/{source.partition}/{source.offset}"
        assert found["ce_workflow"] == "new-lead-onboarding"
        assert found["ce_subject"] == "lead/L1"
        cause_source, cause = found["ce_source"], found["ce_id"]
    assert [mail.to for mail in world.mails] == ["jane.doe@example.com"]
    assert data(cluster.records(OwnerNotified)[0])["outcome"] == "sent"
    assert cluster.letters == []


async def test_a_bad_lead_is_rejected_with_all_reasons_and_nothing_follows(cluster: Cluster) -> None:
    cluster.log.append(RECEIVED, None, lead(email="not an address", phone="12", lead_id="L1"))

    await cluster.settle()

    (record,) = cluster.records(LeadRejected)
    assert record.key == b"L1"
    assert [reason["field"] for reason in data(record)["reasons"]] == ["email", "phone"]
    assert cluster.records(LeadValidated) == []


async def test_what_comes_again_gets_the_same_results_and_nothing_runs_twice(
    cluster: Cluster, world: World
) -> None:
    for number in range(5):
        cluster.log.append(RECEIVED, None, lead(email=f"p{number}@example.com"))
    await cluster.settle()
    first = {topic: list(records) for topic, records in cluster.log.topics.items()}
    before = await rows(cluster, sa.select(contacts).order_by(contacts.c.contact_key))

    cluster.forget_acknowledgements()
    cluster.clock.advance(minutes=5)
    await cluster.settle_once()
    cluster.forget_acknowledgements()
    await cluster.settle_once()

    for topic, records in cluster.log.topics.items():
        stated = {(record.key, record.value, tuple(record.headers)) for record in records}
        assert stated == {(record.key, record.value, tuple(record.headers)) for record in first[topic]}
    assert await rows(cluster, sa.select(contacts).order_by(contacts.c.contact_key)) == before
    assert (len(world.mails), len(world.notes)) == (5, 5)


async def test_the_same_id_is_a_repetition_with_the_same_content_and_an_error_with_other(
    cluster: Cluster,
) -> None:
    cluster.log.append(RECEIVED, b"k", b'{"email": "jane@example.com", "city": "Bonn"}', event_headers("e-1"))
    cluster.log.append(RECEIVED, b"k", b'{"city":"Bonn","email":"jane@example.com"}', event_headers("e-1"))
    cluster.log.append(RECEIVED, b"k", b'{"city":"Berlin","email":"jane@example.com"}', event_headers("e-1"))

    await cluster.settle()

    assert len({record.value for record in cluster.records(LeadValidated)}) == 1
    (letter,) = map(letter_of, cluster.letters)
    assert (letter.code, letter.failure_class, letter.offset) == ("ID_REUSED", "invalid", 2)


async def test_nothing_is_acknowledged_while_the_broker_is_away(cluster: Cluster, world: World) -> None:
    cluster.log.append(RECEIVED, None, lead())
    cluster.log.is_away = True
    with pytest.raises(PublishError):
        await cluster.settle()
    assert len(cluster.unread(RECEIVED)) == 1

    cluster.log.is_away = False
    await cluster.settle()

    assert (await count(cluster, contacts), len(world.mails)) == (1, 1)
    assert len(cluster.records(LeadValidated)) == 1


async def test_a_failed_action_leaves_no_trace_and_its_neighbours_are_untouched(
    database: Database, world: World
) -> None:
    async def fails_after_saving(lead: LeadMatched, *, contacts: Contacts) -> ContactUpserted:
        upserted = await create_or_update_contact(lead, contacts=contacts)
        if lead.lead_id == "bad":
            raise KeyError("jane.doe@example.com")
        return upserted

    cluster = Cluster(
        with_function(ONBOARDING, "create_or_update_contact", fails_after_saving),
        adapters_of(world),
        database,
    )
    for name in ("one", "bad", "two"):
        cluster.log.append(RECEIVED, b"k", lead(email=f"{name}@example.com", lead_id=name))

    await cluster.settle()

    stored = {row.email for row in await rows(cluster, sa.select(contacts.c.email))}
    assert stored == {"one@example.com", "two@example.com"}
    (letter,) = map(letter_of, cluster.letters)
    assert (letter.failure_class, letter.code, letter.stage) == ("defect", "DEFECT", "execute")
    assert "jane" not in str(letter)


async def test_two_leads_of_one_person_in_one_batch_are_one_contact_one_owner_one_welcome(
    cluster: Cluster, world: World
) -> None:
    cluster.log.append(RECEIVED, b"k", lead(company="Acme"))
    cluster.log.append(RECEIVED, b"k", lead(email="JANE.DOE@example.com ", city="Bonn"))

    await cluster.settle()

    assert await count(cluster, contacts) == 1
    assert [data(record)["revision"] for record in cluster.records(ContactUpserted)] == [1, 2]
    assert data(cluster.records(ContactUpserted)[1])["contact"]["company"] == "Acme"
    assert len({data(record)["owner"]["id"] for record in cluster.records(LeadAssigned)}) == 1
    assert [data(record)["outcome"] for record in cluster.records(LeadWelcomed)] == ["sent", "skipped"]
    assert data(cluster.records(LeadWelcomed)[1])["reason"] == "already-welcomed"
    assert (len(world.mails), len(world.notes)) == (1, 2)


async def test_owners_take_turns(cluster: Cluster) -> None:
    for number in range(9):
        cluster.log.append(RECEIVED, None, lead(email=f"p{number}@example.com"))

    await cluster.settle()

    given = [data(record)["owner"]["id"] for record in cluster.records(LeadAssigned)]
    assert {owner.id: given.count(owner.id) for owner in OWNERS} == {"ada": 3, "bob": 3, "cyd": 3}


async def test_workers_that_settle_the_same_records_at_once_do_everything_once(
    cluster: Cluster, world: World
) -> None:
    for number in range(40):
        cluster.log.append(RECEIVED, None, lead(email=f"p{number % 20}@example.com", lead_id=f"L{number}"))
    workers = [cluster.new_worker() for _ in range(3)]

    for event in ONBOARDING.inputs:
        batch = list(cluster.records(event))
        unique = list({(record.value, str(record.headers)): record for record in batch}.values())
        for step in ONBOARDING.reading(event):
            await asyncio.gather(*(worker.processor.process(step, Records(unique)) for worker in workers))

    assert await count(cluster, contacts) == 20
    assert await count(cluster, ledger) == 40 * len(ONBOARDING.steps)
    assert sorted(mail.to for mail in world.mails) == sorted({mail.to for mail in world.mails})
    owners: dict[bytes | None, set[str]] = {}
    for record in cluster.records(LeadAssigned):
        owners.setdefault(record.key, set()).add(data(record)["owner"]["id"])
    assert {len(found) for found in owners.values()} == {1}


async def test_a_mail_server_that_is_down_delays_the_welcome_and_nothing_else(
    cluster: Cluster, world: World
) -> None:
    world.go_down()
    cluster.log.append(RECEIVED, None, lead(lead_id="L1"))
    await cluster.settle()
    assert await count(cluster, contacts) == 1
    assert len(world.notes) == 1
    (letter,) = map(letter_of, cluster.letters)
    assert (letter.code, letter.failure_class, letter.delivery_count) == ("SMTP_UNREACHABLE", "transient", 3)

    world.come_back()
    cluster.clock.advance(seconds=23)  # 30 s less 20 % and a bit
    assert await cluster.retries.tick() == 0
    cluster.clock.advance(seconds=14)
    assert await cluster.retries.tick() == 1
    await cluster.settle()

    assert [data(record)["outcome"] for record in cluster.records(LeadWelcomed)] == ["sent"]
    assert len(world.mails) == 1
    (row,) = await cluster.database.run(lambda c: letters.get(c, [letter.id]))
    assert (row.status, row.resolution) == ("resolved", "resolved")


async def test_a_copy_of_a_record_that_failed_never_passes_for_it(cluster: Cluster, world: World) -> None:
    world.go_down()
    cluster.log.append(RECEIVED, b"k", b'{"email": "jane@example.com", "city": "Bonn"}', event_headers("e-1"))
    await cluster.settle()

    cluster.log.append(RECEIVED, b"k", b'{"city":"Bonn","email":"jane@example.com"}', event_headers("e-1"))
    await cluster.settle()

    failed, copy = cluster.records(LeadAssigned)
    assert failed.headers != copy.headers  # each names the record it began with
    for record in cluster.letters:
        assert letter_of(record).offset == failed.offset
        assert (record.key, record.value, without_letter(record.headers)) == (
            failed.key,
            failed.value,
            failed.headers,
        )


async def test_a_retry_that_fails_again_is_the_same_letter_one_generation_on_until_a_person_is_asked(
    cluster: Cluster, world: World
) -> None:
    world.go_down()
    cluster.log.append(RECEIVED, None, lead())
    await cluster.settle()

    for minutes in (1, 3, 13, 80, 450):
        cluster.clock.advance(minutes=minutes)
        await cluster.retries.tick()
        await cluster.settle()

    found = [letter_of(record) for record in cluster.letters]
    assert [letter.generation for letter in found] == [0, 1, 2, 3, 4, 5]
    assert len({(letter.id, letter.first_time, letter.offset) for letter in found}) == 1
    assert [letter.next_attempt is None for letter in found] == [False] * 5 + [True]
    (row,) = await cluster.database.run(letters.find)
    assert row.status == "parked"


async def test_a_second_request_for_the_same_letter_is_a_noop(cluster: Cluster, world: World) -> None:
    world.go_down()
    cluster.log.append(RECEIVED, None, lead())
    await cluster.settle()
    world.come_back()
    cluster.clock.advance(minutes=1)
    await cluster.retries.tick()
    (request,) = cluster.log.topics[cluster.names.requests]
    cluster.log.append(request.topic, request.key, request.value, request.headers)

    await cluster.settle()
    cluster.log.append(request.topic, request.key, request.value, request.headers)
    await cluster.settle()

    assert len(world.mails) == 1
    assert len({record.value for record in cluster.records(LeadWelcomed)}) == 1


async def test_a_crash_between_a_call_and_its_outcome_is_uncertain_and_not_repeated(
    cluster: Cluster, world: World
) -> None:
    await crash_while_sending(cluster, world)

    await cluster.settle()

    (letter,) = map(letter_of, cluster.letters)
    assert (letter.code, letter.failure_class, letter.next_attempt) == ("UNCERTAIN", "uncertain", None)
    assert len(world.mails) == 1

    # A later lead of the same person is not welcomed over it, and a person may decide to send again.
    cluster.log.append(RECEIVED, None, lead(city="Bonn"))
    await cluster.settle()
    assert data(cluster.records(LeadWelcomed)[-1])["reason"] == "welcome-pending"
    assert len(world.mails) == 1
    record = cluster.letters[0]
    cluster.log.append(cluster.names.requests, record.key, record.value, record.headers)
    await cluster.settle()
    assert len(world.mails) == 2
    assert len({mail.message_id for mail in world.mails}) == 1


async def test_a_crash_between_a_call_and_its_outcome_is_repeated_where_that_is_declared(
    database: Database, world: World
) -> None:
    workflow = ONBOARDING.with_effect("welcome", when_uncertain="repeat")
    cluster = Cluster(workflow, adapters_of(world), database)
    await crash_while_sending(cluster, world)

    await cluster.settle()

    assert cluster.letters == []
    assert len(world.mails) == 2
    assert len({mail.message_id for mail in world.mails}) == 1


async def test_an_expired_event_is_not_executed(cluster: Cluster) -> None:
    headers = event_headers("e-1", expirytime="2026-11-23T08:59:59Z")
    cluster.log.append(RECEIVED, None, lead(), headers)

    await cluster.settle()

    (letter,) = map(letter_of, cluster.letters)
    assert (letter.code, letter.failure_class) == ("EXPIRED", "expired")
    assert await count(cluster, contacts) == 0


async def test_an_older_event_that_is_replayed_late_fills_gaps_and_overwrites_nothing_newer(
    cluster: Cluster,
) -> None:
    cluster.log.append(RECEIVED, None, lead(city="Bonn"), event_headers("new", time="2026-11-23T08:00:00Z"))
    await cluster.settle()
    old = lead(city="Berlin", company="Acme")
    cluster.log.append(RECEIVED, None, old, event_headers("old", time="2026-11-20T08:00:00Z"))

    await cluster.settle()

    after = data(cluster.records(ContactUpserted)[-1])
    assert (after["contact"]["city"], after["contact"]["company"], after["changed"]) == (
        "Bonn",
        "Acme",
        ["company"],
    )


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


async def test_nothing_follows_an_action_that_was_asked_for_alone(cluster: Cluster) -> None:
    cluster.log.append(RECEIVED, None, lead())
    await cluster.settle()
    (matched,) = cluster.records(LeadMatched)
    alone = [
        (name, b"asked-alone" if name == "ce_id" else value)
        for name, value in matched.headers
        if name != "ce_workflow"
    ]

    cluster.log.append(matched.topic, matched.key, matched.value, alone)
    await cluster.settle()

    assert len(cluster.records(ContactUpserted)) == 1


async def crash_while_sending(cluster: Cluster, world: World) -> None:
    """Let the worker die after the mail went out and before that was written down."""

    class CrashError(BaseException):
        pass

    def deliver_and_crash(mail: Mail) -> None:
        world.mails.append(mail)
        world.come_back()
        raise CrashError

    world.fail = deliver_and_crash
    cluster.log.append(RECEIVED, None, lead())
    with pytest.raises(CrashError):
        await cluster.settle()
    cluster.worker = cluster.new_worker()


def with_function(workflow: Workflow, name: str, function: ActionFunction) -> Workflow:
    """Return the workflow with another function behind one action's signature."""

    def changed(step: Step) -> Step:
        action = dataclasses.replace(step.action, function=function)
        return dataclasses.replace(step, action=action)

    return Workflow(workflow.name, *(changed(step) if step.name == name else step for step in workflow.steps))
