"""Tests that an old copy of the store, caught up from the topics, is the store that was lost."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from streams.onboarding import ONBOARDING
from streams.operations.recovery.watermark import is_behind
from streams.store import letters
from streams.store.schema import RELEASED, contacts, effects, ledger, turns
from streams.store.schema import letters as letters_table
from streams.testing import Cluster, MemoryStore, World, adapters_of, event_headers, lead
from streams.testing.clock import TimelessLoop
from streams.testing.cluster import GROUP
from streams.testing.life import Life
from streams.testing.log import LogRecord
from tests.support.lost_store import catch_up, copy_of
from topics.events import EVENTS, LeadAssigned, LeadMatched, LeadReceived, LeadValidated

WELCOME = "send-welcome-email"


class Installation:
    """A cluster whose store can be lost."""

    def __init__(self) -> None:
        self.loop = TimelessLoop()
        self.world = World()
        self.store = MemoryStore()
        self.cluster = Cluster(ONBOARDING, adapters_of(self.world), self.store)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever it gives
        return self.loop.run_until_complete(coroutine)

    def publish(self, event_id: str, value: bytes | None = None, **fields: object) -> None:
        self.cluster.clock.advance(seconds=20)
        headers = event_headers(event_id, time=self.cluster.clock().strftime("%Y-%m-%dT%H:%M:%SZ"))
        email = str(fields.get("email", event_id))
        topic = self.cluster.names.of(LeadReceived)
        self.cluster.log.append(topic, email.encode(), lead(**fields) if value is None else value, headers)
        self.run(self.cluster.settle())

    def retry(self) -> None:
        self.cluster.clock.advance(minutes=5)
        self.run(self.cluster.retries.tick())
        self.run(self.cluster.settle())

    def lose_the_store(self, backup: MemoryStore) -> Any:  # noqa: ANN401 - CaughtUp
        done = self.run(catch_up(self.cluster, backup))
        self.store = backup
        return done


@pytest.fixture
def onboarding() -> Iterator[Installation]:
    made = Installation()
    yield made
    made.store.close()
    made.run(made.loop.shutdown_asyncgens())
    made.loop.close()


def knowledge(store: MemoryStore) -> dict[str, Any]:
    """Everything a store knows that has consequences: not when and in how many attempts it came to know."""

    def rows(*columns: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - columns
        found = store.transact(lambda connection: connection.execute(sa.select(*columns)).all())
        return sorted(map(tuple, found), key=repr)

    row, one, person, letter = ledger.c, effects.c, contacts.c, letters_table.c
    return {
        "ledger": rows(
            row.id, row.action, row.version, row.correlation_id, row.lead_id, row.contact_key, row.status
        ),
        "results": [
            (key, kind, orjson.loads(result), digest)
            for key, kind, result, digest in rows(row.id, row.result_type, row.result, row.digest)
            if kind is not None
        ],
        # A call that was certainly not made is as good as one that nobody thought of.
        "effects": [
            row for row in rows(one.key, one.ledger_id, one.status, one.reference) if row[2] != RELEASED
        ],
        "contacts": [
            (*facts, orjson.loads(fields))
            for *facts, fields in rows(
                person.contact_key,
                person.contact_id,
                person.email,
                person.phone,
                person.owner_id,
                person.revision,
                person.fields,
            )
        ],
        "letters": rows(
            letter.id, letter.status, letter.generation, letter.code, letter.lead_id, letter.record_value
        ),
        "turns": rows(turns.c.name, turns.c.next),
    }


def work_a_day(onboarding: Installation) -> None:
    """Let everything happen that happens to leads."""
    onboarding.publish("e-2", email="max@example.com", company="Zuse KG")
    onboarding.publish(
        "e-3", email="jane@example.com", company="Ada Ltd"
    )  # the second lead of a known contact
    onboarding.publish("e-4", email="no address")
    onboarding.publish("e-5", value=b"{")
    onboarding.world.go_down()
    onboarding.publish("e-6", email="ida@example.com", phone="+49 30 901820")
    onboarding.publish("e-7", email="kay@example.com")
    onboarding.world.come_back()
    onboarding.retry()
    onboarding.world.go_down()
    onboarding.publish("e-8", email="lea@example.com", name="Lea Maier")
    onboarding.world.come_back()


def test_a_copy_that_caught_up_is_the_store_that_was_lost(onboarding: Installation) -> None:
    onboarding.publish("e-1", email="jane@example.com", company="Zuse KG")
    backup = copy_of(onboarding.store)
    work_a_day(onboarding)
    lost = knowledge(onboarding.store)
    assert knowledge(backup) != lost

    done = onboarding.lose_the_store(backup)

    assert knowledge(backup) == lost
    assert (done.uncertain, done.foreign, done.failures > 0, done.resolved > 0) == ([], 0, True, True)
    assert not backup.transact(is_behind)


@pytest.mark.parametrize("begin", [copy_of, lambda _: MemoryStore()], ids=["from a backup", "from nothing"])
def test_after_catching_up_a_full_redelivery_does_nothing_a_second_time(
    onboarding: Installation, begin: Callable[[MemoryStore], MemoryStore]
) -> None:
    onboarding.publish("e-1", email="jane@example.com", company="Zuse KG")
    backup = begin(onboarding.store)
    work_a_day(onboarding)
    onboarding.lose_the_store(backup)
    mails, notes, known = list(onboarding.world.mails), list(onboarding.world.notes), knowledge(backup)

    onboarding.cluster.forget_acknowledgements()
    onboarding.run(onboarding.cluster.settle())

    assert (onboarding.world.mails, onboarding.world.notes) == (mails, notes)
    assert knowledge(backup) == known
    onboarding.retry()
    assert (
        len(onboarding.world.mails) == len(mails) + 1
    )  # the retry that was due, whose letter came from the topic


def test_catching_up_twice_and_after_being_cut_off_changes_nothing_more(onboarding: Installation) -> None:
    onboarding.publish("e-1", email="jane@example.com")
    backup = copy_of(onboarding.store)
    work_a_day(onboarding)
    lost = knowledge(onboarding.store)
    cut_off = backup.of_worker(Life(ends_at=9))
    with pytest.raises(BaseException, match="commit"):
        onboarding.run(catch_up(onboarding.cluster, cut_off))
    assert backup.transact(is_behind)

    onboarding.lose_the_store(backup)
    assert knowledge(backup) == lost
    onboarding.lose_the_store(backup)

    assert knowledge(backup) == lost


def test_a_contact_whose_lead_no_topic_holds_any_more_is_as_its_result_shows_it(
    onboarding: Installation,
) -> None:
    onboarding.publish("e-1", email="jane@example.com", company="Zuse KG", city="Bonn")
    cluster = onboarding.cluster
    (was,) = knowledge(onboarding.store)["contacts"]
    for event in (LeadReceived, LeadValidated, LeadMatched):
        cluster.log.topics[cluster.names.of(event)].clear()
    backup = MemoryStore()

    onboarding.lose_the_store(backup)

    (now,) = knowledge(backup)["contacts"]
    assert now[:-1] == was[:-1]
    assert {name: field[0] for name, field in now[-1].items()} == {
        name: field[0] for name, field in was[-1].items()
    }


NOT_YET = {"ce_effect", "ce_effectref"}


def as_the_previous_build_stated_it(record: LogRecord) -> LogRecord:
    """Return a result without the headers that prove a call, and without the number of a turn."""
    value = record.value
    if record.topic.endswith(LeadAssigned.topic):
        value = orjson.dumps(
            {name: part for name, part in orjson.loads(value or b"").items() if name != "turn"}
        )
    headers = [(name, text) for name, text in record.headers if name not in NOT_YET]
    return replace(record, value=value, headers=headers)


def test_a_store_catches_up_from_what_the_previous_build_stated(onboarding: Installation) -> None:
    onboarding.publish("e-1", email="jane@example.com", company="Zuse KG")
    backup = copy_of(onboarding.store)
    work_a_day(onboarding)
    lost = knowledge(onboarding.store)
    cluster = onboarding.cluster
    for event in EVENTS:
        records = cluster.log.topics[cluster.names.of(event)]
        # Every second one, the last among them: two builds share the work while one replaces the other.
        records[::-2] = map(as_the_previous_build_stated_it, records[::-2])

    onboarding.lose_the_store(backup)

    learnt = knowledge(backup)
    names = ("ledger", "effects", "contacts", "letters", "turns")
    assert {name: learnt[name] for name in names} == {name: lost[name] for name in names}
    assert len(lost["effects"]) > 8


class EndsAt(Life):
    """A life that ends at a named point."""

    def passes(self, point: str) -> None:
        if point == "after mailer.send":
            self.ends_at = len(self.points) + 1
        super().passes(point)


async def work_until_a_mail_is_out(cluster: Cluster) -> None:
    for topic in cluster.topics:
        batch = cluster.unread(topic)
        if batch and await cluster.work_while_alive(cluster.new_worker(EndsAt()), topic, batch):
            for record in batch:
                cluster.log.commit(GROUP, record)


def test_a_call_that_was_made_and_that_no_event_proves_is_uncertain_and_not_made_again(
    onboarding: Installation,
) -> None:
    backup = copy_of(onboarding.store)
    headers = event_headers("e-1")
    topic = onboarding.cluster.names.of(LeadReceived)
    onboarding.cluster.log.append(topic, b"k", lead(email="jane@example.com"), headers)
    onboarding.run(work_until_a_mail_is_out(onboarding.cluster))
    assert len(onboarding.world.mails) == 1

    done = onboarding.lose_the_store(backup)
    onboarding.run(onboarding.cluster.settle())

    assert [each.lead_id for each in done.uncertain if each.action == WELCOME] == ["e-1"]
    assert len(onboarding.world.mails) == 1
    found = backup.transact(letters.find)
    assert [(row.letter.action, row.letter.failure_class) for row in found] == [(WELCOME, "uncertain")]
