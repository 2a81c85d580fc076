"""Cases that once blocked an agent or reported something untrue."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from actions.action import Effect, action
from actions.create_or_update_contact import create_or_update_contact
from actions.errors import PermanentError, TransientError
from actions.ports import Contacts, Effects, Identity, LeadRules, Mail, StoredContact
from actions.validate_lead import validate_lead
from streams.engine.handover import Records
from streams.engine.intents import Finish, IntentLog
from streams.engine.pauses import StoppingError
from streams.engine.transaction import drive
from streams.onboarding import ONBOARDING
from streams.operations.pruning import Pruner
from streams.store import effects, letters
from streams.store import ledger as ledger_rows
from streams.store.contacts import SqlContacts
from streams.store.engine import ConflictError, Database, StoreRefusedError, StoreUnavailableError
from streams.store.ledger import LedgerRow
from streams.store.letters import OPEN, RESOLVED
from streams.store.schema import CALLED, DONE, FAILED, RELEASED, contacts, ledger
from streams.store.schema import effects as effects_table
from streams.store.schema import letters as letters_table
from streams.workflow import Workflow, when
from tests.support.memory import Clock, Cluster
from tests.support.onboarding import World, adapters_of, event_headers, lead
from tests.unit.engine.test_onboarding import RECEIVED, crash_while_sending, data, letter_of, with_function
from topics.decode import Record
from topics.envelope import Envelope, Headers
from topics.events import (
    ContactUpserted,
    LeadAssigned,
    LeadMatched,
    LeadReceived,
    LeadRejected,
    LeadValidated,
    Origin,
    OwnerNotified,
)
from topics.letter import PREFIX, sha256_of
from topics.limits import MAX_HEADERS, MAX_VALUE
from topics.registry import MIB

ALL = (*OPEN, RESOLVED)
MOMENT = "2026-11-23T08:00:00Z"
MAILS_AT_ONCE = 4


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def cluster(database: Database, world: World) -> Cluster:
    return Cluster(ONBOARDING.with_effect("welcome", concurrency=MAILS_AT_ONCE), adapters_of(world), database)


def with_letter(headers: Headers, **changed: bytes) -> Headers:
    """Return a letter's headers with other values, as somebody else may write them."""
    values = {PREFIX + name.replace("_", "."): value for name, value in changed.items()}
    return [(name, values.get(name, value)) for name, value in headers]


async def test_a_subject_that_no_database_takes_does_not_stop_the_index(cluster: Cluster) -> None:
    headers = [
        (name, b"lead/a\x00b" if name == "ce_subject" else value) for name, value in event_headers("e-1")
    ]
    cluster.log.append(RECEIVED, b"k", lead(), headers)
    cluster.log.append(RECEIVED, b"k", b"not json")

    await cluster.settle()

    rows = await cluster.database.run(letters.find)
    assert sorted(row.letter.code for row in rows) == ["BAD_ATTRIBUTE", "NOT_JSON"]


@pytest.mark.parametrize(
    "header",
    [
        {"generation": b"99999999999"},
        {"generation": b"-7"},
        {"time": b"2026-11-23T20:15:00.000000+00:00:00.000001"},
        {"first_time": b"2026-11-23T20:15:00.000000+00:00:00.000001"},
    ],
)
async def test_letter_headers_that_no_index_takes_stop_neither_letters_nor_requests(
    cluster: Cluster, header: dict[str, bytes]
) -> None:
    cluster.log.append(RECEIVED, b"k", b"not json")
    await cluster.settle()
    (record,) = cluster.letters
    odd = with_letter(record.headers, **header)
    cluster.log.append(cluster.names.requests, record.key, record.value, odd)
    cluster.log.append(cluster.names.letters, record.key, record.value, odd)
    cluster.log.append(RECEIVED, b"k", b"neither is this")

    await cluster.settle()

    rows = await cluster.database.run(letters.find)
    assert sorted(row.letter.code for row in rows) == ["BAD_REQUEST", "NOT_JSON", "NOT_JSON"]


async def test_a_letter_that_the_database_refuses_keeps_no_other_out_of_the_index(cluster: Cluster) -> None:
    await cluster.database.run(lambda c: c.execute(sa.text("CREATE UNIQUE INDEX one ON letters (code)")))
    for value in (b"not json", b"neither is this", b"\xff", b"17"):
        cluster.log.append(RECEIVED, b"k", value)

    await cluster.settle()

    rows = await cluster.database.run(letters.find)
    assert sorted(row.letter.code for row in rows) == ["NOT_AN_OBJECT", "NOT_JSON", "NOT_UTF8"]


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


async def test_a_lead_id_with_a_line_end_passes_every_worker(cluster: Cluster) -> None:
    cluster.log.append(RECEIVED, b"k", lead(lead_id="row 1\r\n2\tab"))

    await settle_by_others(cluster)

    assert cluster.letters == []
    assert data(cluster.records(OwnerNotified)[0])["lead_id"] == "row 1\r\n2\tab"


async def settle_by_others(cluster: Cluster) -> None:
    """Let every step be done by a worker of its own: none reads its own words."""
    for event in ONBOARDING.inputs:
        for step in ONBOARDING.reading(event):
            await cluster.new_worker().processor.process(step, Records(cluster.records(event)))


async def cell(cluster: Cluster, column: sa.Column[Any]) -> object:
    return await cluster.database.run(lambda connection: connection.execute(sa.select(column)).scalar())


async def test_a_store_that_fails_inside_an_action_is_not_the_records_fault(
    database: Database, world: World
) -> None:
    outages = iter([True])

    async def loses_its_store(lead: LeadMatched, *, contacts: Contacts) -> ContactUpserted:
        if next(outages, False):
            raise OperationalError("SELECT", {}, OSError("disk I/O error"))
        return await create_or_update_contact(lead, contacts=contacts)

    workflow = with_function(ONBOARDING, "create_or_update_contact", loses_its_store)
    cluster = Cluster(workflow, adapters_of(world), database)
    cluster.log.append(RECEIVED, b"k", lead())
    with pytest.raises(StoreUnavailableError):
        await cluster.settle()

    await cluster.settle()

    assert cluster.letters == []
    assert len(cluster.records(ContactUpserted)) == 1


async def test_a_store_that_takes_no_writes_is_an_outage_and_no_reason_for_letters(
    cluster: Cluster, world: World
) -> None:
    # As after a failover, when the connection is to what is a standby now.
    is_sqlite = cluster.database.is_sqlite
    read_only = "PRAGMA query_only = ON" if is_sqlite else "SET default_transaction_read_only = on"
    with cluster.database.engine.connect() as connection:
        connection.exec_driver_sql(read_only)
        connection.commit()
    cluster.log.append(RECEIVED, b"k", lead())
    with pytest.raises(StoreUnavailableError):
        await cluster.settle()
    assert cluster.letters == []

    await cluster.settle()  # over a new connection

    assert (len(cluster.letters), len(world.mails)) == (0, 1)


async def test_errors_of_the_database_never_quote_a_record(cluster: Cluster) -> None:
    def unit(connection: Connection) -> None:
        connection.execute(sa.insert(contacts).values(contact_key="k", email="jane.doe@example.com"))

    with pytest.raises(StoreRefusedError) as refused:
        await cluster.database.run(unit)

    assert "jane" not in str(refused.value)
    assert "jane" not in str(refused.value.__cause__).partition("DETAIL")[0]


async def test_a_record_that_loses_every_race_is_tried_again_later_and_not_left_to_a_person(
    database: Database, world: World
) -> None:
    races = iter(range(8))  # as often as the store starts over

    async def is_overtaken(lead: LeadMatched, *, contacts: Contacts) -> ContactUpserted:
        if next(races, None) is not None:
            raise ConflictError
        return await create_or_update_contact(lead, contacts=contacts)

    workflow = with_function(ONBOARDING, "create_or_update_contact", is_overtaken)
    cluster = Cluster(workflow, adapters_of(world), database)
    cluster.log.append(RECEIVED, b"k", lead())
    await cluster.settle()
    (letter,) = map(letter_of, cluster.letters)
    assert (letter.failure_class, letter.code) == ("transient", "STORE_CONFLICT")

    cluster.clock.advance(minutes=1)
    await cluster.retries.tick()
    await cluster.settle()

    assert len(cluster.records(ContactUpserted)) == 1


async def test_the_replay_of_a_reused_id_does_not_pass_for_the_event_that_had_it_first(
    cluster: Cluster,
) -> None:
    cluster.log.append(RECEIVED, b"k", lead(city="Bonn"), event_headers("e-1"))
    cluster.log.append(RECEIVED, b"k", lead(city="Berlin"), event_headers("e-1"))
    await cluster.settle()
    (record,) = cluster.letters

    cluster.log.append(cluster.names.requests, record.key, record.value, record.headers)
    await cluster.settle()

    (row,) = await cluster.database.run(letters.find)
    assert (row.letter.code, row.letter.generation, row.status) == ("ID_REUSED", 1, "parked")


async def test_the_replay_of_a_reused_id_does_not_take_the_place_of_the_first_that_failed(
    database: Database, world: World
) -> None:
    is_broken = True

    async def breaks(
        lead: LeadReceived, *, envelope: Envelope, identity: Identity, rules: LeadRules
    ) -> LeadValidated | LeadRejected:
        if is_broken:
            raise KeyError
        return await validate_lead(lead, envelope=envelope, identity=identity, rules=rules)

    cluster = Cluster(with_function(ONBOARDING, "validate_lead", breaks), adapters_of(world), database)
    for city in ("Bonn", "Berlin"):
        cluster.log.append(RECEIVED, b"k", lead(city=city), event_headers("e-1"))
    await cluster.settle()
    first, reused = cluster.letters
    is_broken = False

    for record in (reused, first):
        cluster.log.append(cluster.names.requests, record.key, record.value, record.headers)
    await cluster.settle()

    assert [data(record)["lead"]["city"] for record in cluster.records(LeadValidated)] == ["Bonn"]


@pytest.mark.parametrize(
    "origin", [b"live", b"import"]
)  # an import calls nobody: only its outcome is written
async def test_an_outcome_that_the_database_refuses_fails_alone_and_not_its_neighbours(
    cluster: Cluster, world: World, origin: bytes
) -> None:
    cluster.log.append(RECEIVED, b"k", lead(email="one@example.com"))
    await cluster.settle()
    (assigned,) = cluster.records(LeadAssigned)
    forged = data(assigned) | {"contact_key": "f" * 300}
    odd = {"ce_id": b"forged", "ce_correlationid": b"c" * 300, "ce_origin": origin}
    headers = [(name, odd.pop(name, value)) for name, value in assigned.headers] + list(odd.items())
    cluster.log.append(assigned.topic, b"k", orjson.dumps(forged), headers)
    cluster.log.append(RECEIVED, b"k", lead(email="two@example.com"))

    await cluster.settle()

    assert {"one@example.com", "two@example.com"} <= {mail.to for mail in world.mails}
    # SQLite keeps texts of any length, and takes it.
    refused = [] if cluster.database.is_sqlite else ["STORE_REFUSED"] * 2
    assert [letter_of(record).code for record in cluster.letters] == refused


async def test_a_decision_to_send_again_is_used_up_by_one_crash(cluster: Cluster, world: World) -> None:
    await crash_while_sending(cluster, world)
    cluster.clock.advance(seconds=20)
    await cluster.settle()
    (record,) = cluster.letters
    crash = world.fail

    def deliver_and_crash(mail: Mail) -> None:
        world.mails.append(mail)
        world.fail = crash
        raise asyncio.CancelledError

    world.fail = deliver_and_crash
    cluster.clock.advance(minutes=5)
    cluster.log.append(cluster.names.requests, record.key, record.value, record.headers)
    with pytest.raises(asyncio.CancelledError):
        await cluster.settle()
    cluster.worker = cluster.new_worker()

    await cluster.settle()

    assert len(world.mails) == 2
    (row,) = await cluster.database.run(letters.find)
    assert (row.letter.code, row.letter.generation, row.status) == ("UNCERTAIN", 1, "parked")


async def test_a_call_that_was_made_stays_made_whatever_its_second_execution_states(cluster: Cluster) -> None:
    execution, key = b"e" * 16, "welcome:k"
    claim = effects.Claim(key, execution, "send-welcome-email", may_repeat=True)
    later = effects.Claim(key, b"l" * 16, "send-welcome-email", may_repeat=True)

    def unit(connection: Connection) -> effects.Claimed:
        for worker in ("one", "two"):
            effects.claim(connection, [claim], worker, 0)
        effects.mark(connection, [effects.Mark(key, execution, CALLED, "<message id>")], 1)
        effects.mark(connection, [effects.Mark(key, execution, RELEASED, None)], 2)
        effects.mark(connection, [effects.Mark(key, execution, CALLED, "<of its copy>")], 3)
        return effects.claim(connection, [later], "one", 4)[0]

    answer = await cluster.database.run(unit)

    assert (answer.verdict, answer.reference) == (effects.Verdict.CALLED, "<message id>")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TransientError("BUSY", retry_after=timedelta.max), "BUSY"),
        (PermanentError("REFUSED", "550 \udcff"), "REFUSED"),
    ],
)
async def test_whatever_an_action_raises_becomes_a_letter(
    database: Database, world: World, error: Exception, code: str
) -> None:
    async def fails(lead: LeadMatched, *, contacts: Contacts) -> ContactUpserted:
        raise error

    workflow = with_function(ONBOARDING, "create_or_update_contact", fails)
    cluster = Cluster(workflow, adapters_of(world), database)
    cluster.log.append(RECEIVED, b"k", lead())

    await cluster.settle()

    assert [letter_of(record).code for record in cluster.letters] == [code]


@pytest.mark.parametrize(
    ("changes", "code"), [({"message": "x" * MIB}, "RESULT_TOO_LARGE"), ({"message": "\udcff"}, "DEFECT")]
)
async def test_a_result_that_no_topic_takes_becomes_a_letter_and_leaves_no_trace(
    database: Database, world: World, changes: dict[str, str], code: str
) -> None:
    async def overdoes(lead: LeadMatched, *, contacts: Contacts) -> ContactUpserted:
        upserted = await create_or_update_contact(lead, contacts=contacts)
        return upserted.model_copy(update=changes)

    workflow = with_function(ONBOARDING, "create_or_update_contact", overdoes)
    cluster = Cluster(workflow, adapters_of(world), database)
    cluster.log.append(RECEIVED, b"k", lead())

    await cluster.settle()

    assert [letter_of(record).code for record in cluster.letters] == [code]
    assert await cell(cluster, contacts.c.contact_key) is None


async def test_what_is_just_small_enough_for_the_first_step_is_so_for_all_that_follow(
    cluster: Cluster,
) -> None:
    attributes = {f"a{number}": "字" * 1980 for number in range(44)}
    filling = "x" * (MAX_VALUE - len(lead(attributes={**attributes, "last": ""})))
    value = lead(attributes={**attributes, "last": filling})
    headers = event_headers("e-1", note="n" * 7_800)
    cluster.log.append(RECEIVED, b"k", value, headers)
    assert len(value) == MAX_VALUE

    await settle_by_others(cluster)

    assert cluster.letters == []
    assert len(cluster.records(OwnerNotified)) == 1


async def test_attributes_of_a_structured_event_are_no_longer_than_headers_may_be(cluster: Cluster) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/web", "type": LeadReceived.type, "time": MOMENT}
    body = orjson.dumps({**event, "note": "n" * MAX_HEADERS, "data": {"email": "jane.doe@example.com"}})
    cluster.log.append(RECEIVED, b"k", body, [("content-type", b"application/cloudevents+json")])

    await settle_by_others(cluster)

    assert [letter_of(record).action for record in cluster.letters] == ["validate-lead"]


async def test_an_action_that_is_asked_for_is_done_also_when_nothing_follows_it(cluster: Cluster) -> None:
    cluster.log.append(RECEIVED, b"k", lead())
    await cluster.settle()
    (matched,) = cluster.records(LeadMatched)
    alone = [
        (name, b"alone" if name == "ce_id" else value)
        for name, value in matched.headers
        if name != "ce_workflow"
    ]
    # It could not be read at first, by a build of then.
    cluster.log.append(matched.topic, matched.key, b"\xff", alone)
    await cluster.settle()
    (record,) = cluster.letters
    mended = with_letter(record.headers, value_sha256=str(sha256_of(matched.value)).encode())
    cluster.log.append(cluster.names.requests, record.key, matched.value, mended)

    await cluster.settle()

    assert await cluster.database.run(letters.find) == []
    followed, stated = (dict(each.headers) for each in cluster.records(ContactUpserted))
    assert (followed["ce_workflow"], stated.get("ce_workflow")) == (b"new-lead-onboarding", None)
    assert len(cluster.records(LeadAssigned)) == 1


@action(version=1, effect=Effect("tell:{run}", scope="run"))
async def tell_somebody(lead: LeadReceived, *, envelope: Envelope, effects: Effects) -> LeadRejected:
    """Call outside for a public event, as the onboarding workflow has none."""

    async def call() -> str:
        return "told"

    await effects.once(call)
    origin = Origin(event_id=envelope.id, source=envelope.source, time=envelope.time)
    return LeadRejected(lead_id=envelope.id, origin=origin, reasons=[])


async def test_an_id_that_is_reused_within_a_batch_is_noticed_by_every_kind_of_action(
    database: Database, world: World
) -> None:
    workflow = Workflow("telling", when(LeadReceived).do(tell_somebody).then(LeadRejected))
    cluster = Cluster(workflow, adapters_of(world), database)
    for city in ("Bonn", "Bonn", "Berlin"):
        cluster.log.append(RECEIVED, b"k", lead(city=city), event_headers("e-1"))

    await cluster.settle()

    assert [(found.code, found.offset) for found in map(letter_of, cluster.letters)] == [("ID_REUSED", 2)]
    assert len(cluster.records(LeadRejected)) == 1


async def test_what_an_action_saved_before_it_failed_for_the_moment_is_dropped(
    database: Database, world: World
) -> None:
    async def fails_after_saving(lead: LeadMatched, *, contacts: Contacts) -> ContactUpserted:
        upserted = await create_or_update_contact(lead, contacts=contacts)
        if lead.lead_id == "busy":
            raise TransientError("BUSY")
        return upserted

    workflow = with_function(ONBOARDING, "create_or_update_contact", fails_after_saving)
    cluster = Cluster(workflow, adapters_of(world), database)
    for name in ("one", "busy", "two"):
        cluster.log.append(RECEIVED, b"k", lead(email=f"{name}@example.com", lead_id=name))

    await cluster.settle()

    def stored(connection: Connection) -> set[str]:
        return set(connection.execute(sa.select(contacts.c.email)).scalars())

    assert await cluster.database.run(stored) == {"one@example.com", "two@example.com"}
    assert [letter_of(record).code for record in cluster.letters] == ["BUSY"]


@pytest.mark.parametrize("step", ["create_or_update_contact", "send_welcome_email"])
async def test_a_request_for_a_failure_that_has_failed_again_since_then_runs_nothing(
    database: Database, world: World, step: str
) -> None:
    runs = 0

    async def fails(event: LeadMatched, **_: object) -> ContactUpserted:
        nonlocal runs
        runs += 1
        raise PermanentError("REFUSED")

    cluster = Cluster(with_function(ONBOARDING, step, fails), adapters_of(world), database)
    cluster.log.append(RECEIVED, b"k", lead())
    await cluster.settle()
    (record,) = cluster.letters
    for _ in range(2):
        cluster.log.append(cluster.names.requests, record.key, record.value, record.headers)
        await cluster.settle()

    assert runs == 2
    (row,) = await cluster.database.run(letters.find)
    assert row.letter.generation == 1


@pytest.mark.parametrize("step", ["create_or_update_contact", "send_welcome_email"])
async def test_a_letter_that_is_indexed_anew_is_closed_by_the_first_request_as_done_before(
    database: Database, world: World, step: str
) -> None:
    works = ONBOARDING.step(step).action.function
    outcomes = iter([PermanentError("REFUSED")])

    async def fails_once(event: LeadMatched, **ports: object) -> ContactUpserted:
        if error := next(outcomes, None):
            raise error
        return await works(event, **ports)  # type: ignore[return-value]

    cluster = Cluster(with_function(ONBOARDING, step, fails_once), adapters_of(world), database)
    cluster.log.append(RECEIVED, b"k", lead())
    await cluster.settle()
    (record,) = cluster.letters
    cluster.log.append(cluster.names.requests, record.key, record.value, record.headers)
    await cluster.settle()
    cluster.log.append(cluster.names.letters, record.key, record.value, record.headers)
    await cluster.settle()
    assert await standing(cluster) == ("resolved", "resolved")  # a copy opens nothing

    await cluster.database.run(lambda connection: connection.execute(sa.delete(letters_table)))
    cluster.log.append(cluster.names.letters, record.key, record.value, record.headers)
    await cluster.settle()
    assert await standing(cluster) == ("parked", None)
    cluster.log.append(cluster.names.requests, record.key, record.value, record.headers)
    await cluster.settle()

    assert await standing(cluster) == ("resolved", "noop")
    assert len(world.mails) == 1


async def test_the_outcome_that_was_written_first_counts_also_after_an_outage(database: Database) -> None:
    intents = IntentLog(database, "worker", Clock())
    first = await intents.finish(Finish(ROW, None, (), None))
    with database.engine.connect() as connection:  # the next write fails, the one after it does not
        is_sqlite = database.is_sqlite
        connection.exec_driver_sql(
            "PRAGMA query_only = ON" if is_sqlite else "SET default_transaction_read_only = on"
        )
        connection.commit()

    fresh = ROW._replace(id=b"o" * 16)
    answers = [
        await intents.finish(Finish(row._replace(result=b"second"), None, (), None)) for row in (fresh, ROW)
    ]

    assert [first.result, *(answer.result for answer in answers)] == [b"first", b"second", b"first"]


async def test_what_is_based_on_an_older_reading_is_refused(database: Database) -> None:
    failed = ROW._replace(status=FAILED, generation=1)

    def contact(connection: Connection) -> None:
        port = SqlContacts(connection, [])
        drive(port.save(StoredContact("k", "id")))  # type: ignore[arg-type]
        port.keep()
        port.flush(0)
        port = SqlContacts(connection, [])
        known = drive(port.get("k"))  # type: ignore[arg-type]
        connection.execute(sa.update(contacts).values(row_version=contacts.c.row_version + 1))
        drive(port.save(dataclasses.replace(known, owner_id="ada")))  # type: ignore[arg-type, type-var]
        port.keep()
        with pytest.raises(ConflictError):
            port.flush(1)

    def replayed(connection: Connection) -> None:
        ledger_rows.insert(connection, [failed])
        with pytest.raises(ConflictError):
            ledger_rows.replace_failed(connection, [(ROW, 0)])
        ledger_rows.replace_failed(connection, [(ROW, 1)])
        with pytest.raises(ConflictError):  # it is done now
            ledger_rows.replace_failed(connection, [(ROW, 0)])

    await database.run(contact)
    await database.run(replayed)


ROW = LedgerRow(
    id=b"r" * 16,
    action="notify-owner",
    version=1,
    correlation_id="run",
    lead_id="L1",
    contact_key="k",
    status=DONE,
    generation=0,
    attempts=1,
    digest=None,
    result_type=None,
    result=b"first",
    code=None,
    duration_us=0,
    done_at=0,
)


async def standing(cluster: Cluster) -> tuple[str, str | None]:
    """Return status and resolution of the one letter."""
    (row,) = await cluster.database.run(lambda connection: letters.find(connection, statuses=ALL))
    return row.status, row.resolution


async def test_a_retry_that_comes_after_the_events_expiry_calls_nobody(
    cluster: Cluster, world: World
) -> None:
    world.go_down()
    headers = event_headers("e-1", expirytime="2026-11-23T09:00:10Z")
    cluster.log.append(RECEIVED, b"k", lead(), headers)
    await cluster.settle()
    world.come_back()

    cluster.clock.advance(minutes=1)
    await cluster.retries.tick()
    await cluster.settle()

    assert [letter_of(record).code for record in cluster.letters] == ["SMTP_UNREACHABLE", "EXPIRED"]
    assert world.mails == []


async def test_a_worker_that_stops_begins_no_call_and_the_next_one_makes_the_rest(
    cluster: Cluster, world: World
) -> None:
    world.fail = lambda mail: cluster.worker.external_calls.stop()
    for number in range(10):
        cluster.log.append(RECEIVED, b"k", lead(email=f"p{number}@example.com"))
    with pytest.raises(StoppingError):
        await cluster.settle()
    assert 1 <= len(world.mails) <= MAILS_AT_ONCE  # what was on the wire

    world.come_back()
    cluster.worker = cluster.new_worker()
    await cluster.settle()

    assert sorted(mail.to for mail in world.mails) == [f"p{number}@example.com" for number in range(10)]
    assert cluster.letters == []


@dataclasses.dataclass
class RevokedByTheFirstMail:
    """A `RecordBatch` that goes to another worker once a mail was sent."""

    records: Sequence[Record]
    world: World

    @property
    def is_revoked(self) -> bool:
        return bool(self.world.mails)

    def note_progress(self) -> None:
        """Nobody watches."""


async def test_no_call_is_begun_for_records_that_went_to_another_worker(
    cluster: Cluster, world: World
) -> None:
    for number in range(10):
        cluster.log.append(RECEIVED, b"k", lead(email=f"p{number}@example.com"))
    for step in cluster.workflow.steps:
        if step.name == "send_welcome_email":
            break
        await cluster.worker.processor.process(step, Records(cluster.records(step.reads)))

    with pytest.raises(StoppingError):
        await cluster.worker.processor.process(
            step, RevokedByTheFirstMail(cluster.records(step.reads), world)
        )
    mails = len(world.mails)
    cluster.worker = cluster.new_worker()
    await cluster.settle()

    assert 1 <= mails <= MAILS_AT_ONCE  # what was on the wire
    assert sorted(mail.to for mail in world.mails) == [f"p{number}@example.com" for number in range(10)]
    assert cluster.letters == []


async def test_calls_on_the_wire_are_waited_for_when_another_one_takes_the_batch_down(
    database: Database,
) -> None:
    class Slow(World):
        async def send(self, mail: Mail) -> None:
            if mail.to.startswith("p0"):
                raise asyncio.CancelledError
            await asyncio.sleep(0.05)
            await super().send(mail)

    world = Slow()
    cluster = Cluster(ONBOARDING, adapters_of(world), database)
    for number in range(4):
        cluster.log.append(RECEIVED, b"k", lead(email=f"p{number}@example.com"))

    with pytest.raises(asyncio.CancelledError):
        await cluster.settle()

    done = await cluster.database.run(lambda c: effects_in(c, CALLED))
    assert len(world.mails) == len(done) == 3


async def test_a_retry_that_was_asked_for_and_not_heard_of_is_asked_for_again_after_its_lease(
    cluster: Cluster, world: World
) -> None:
    world.go_down()
    cluster.log.append(RECEIVED, b"k", lead())
    await cluster.settle()
    cluster.clock.advance(minutes=1)

    asked = [await cluster.retries.tick()]
    for seconds in (59, 2):
        cluster.clock.advance(seconds=seconds)
        asked.append(await cluster.retries.tick())

    assert asked == [1, 0, 1]


async def test_a_contact_that_the_database_refuses_fails_alone(cluster: Cluster) -> None:
    await cluster.database.run(lambda c: c.execute(sa.text("CREATE UNIQUE INDEX one ON contacts (phone)")))
    for number in range(6):
        phone = "+49 30 2000000" if number in (1, 4) else None
        cluster.log.append(
            RECEIVED, b"k", lead(email=f"p{number}@example.com", phone=phone, lead_id=str(number))
        )

    await cluster.settle()

    assert [letter_of(record).code for record in cluster.letters] == ["STORE_CONFLICT"]
    assert sorted(data(record)["lead_id"] for record in cluster.records(ContactUpserted)) == list("01235")


async def test_an_outcome_is_not_written_over_that_of_another_execution(cluster: Cluster) -> None:
    def unit(connection: Connection) -> effects.Claimed:
        first, second = (
            effects.Claim("key", execution, "notify-owner", may_repeat=False)
            for execution in (b"a" * 16, b"b" * 16)
        )
        effects.claim(connection, [first], "worker", 0)
        effects.mark(connection, [effects.Mark("key", second.ledger_id, RELEASED, None)], 1)
        return effects.claim(connection, [second], "worker", 2)[0]

    answer = await cluster.database.run(unit)

    assert answer.verdict is effects.Verdict.PENDING


@pytest.mark.parametrize(
    ("error", "first_time", "due"),
    [
        (TransientError("BUSY", retry_after=timedelta(minutes=7)), None, "2026-11-23T09:07:00.000000Z"),
        (TransientError("BUSY"), b"2026-11-22T09:00:00Z", None),
        (
            TransientError("BUSY", retry_after=timedelta(hours=9)),
            b"2026-11-22T10:00:00Z",
            "2026-11-23T10:00:00.000000Z",
        ),
    ],
)
async def test_the_other_sides_word_and_the_end_of_patience_decide_when_it_is_tried_again(
    database: Database, world: World, error: TransientError, first_time: bytes | None, due: str | None
) -> None:
    async def fails(lead: LeadMatched, *, contacts: Contacts) -> ContactUpserted:
        raise error

    workflow = with_function(ONBOARDING, "create_or_update_contact", fails)
    cluster = Cluster(workflow, adapters_of(world), database)
    cluster.log.append(RECEIVED, b"k", lead())
    await cluster.settle()
    record = cluster.letters[0]
    if first_time is not None:
        long_ago = with_letter(record.headers, first_time=first_time)
        cluster.log.append(cluster.names.requests, record.key, record.value, long_ago)
        await cluster.settle()

    assert letter_of(cluster.letters[-1]).next_attempt == due


async def test_only_what_is_older_than_the_ledger_remembers_is_forgotten(cluster: Cluster) -> None:
    pruner = Pruner(cluster.installation, timedelta(days=35))
    cluster.log.append(RECEIVED, b"k", b"not json")
    cluster.log.append(RECEIVED, b"k", lead())
    await cluster.settle()

    forgotten = []
    for days in (34, 2):
        cluster.clock.advance(days=days)
        forgotten.append(await pruner.tick())

    assert forgotten == [0, len(ONBOARDING.steps)]  # the open letter stays, as one that is lost
    assert await cell(cluster, contacts.c.contact_key) is not None


def effects_in(connection: Connection, status: int) -> list[str]:
    """Keys of the effects of this status."""
    query = sa.select(effects_table.c.key).where(effects_table.c.status == status)
    return list(connection.execute(query).scalars())
