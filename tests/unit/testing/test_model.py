"""Lets hypothesis play sender, broker, mail server, clock and death, and looks whether the promises hold.

The core is the real one; log, store, clock and outside world are those of `streams.testing`. What is played is short,
so that a promise that breaks is told with the few moves that break it. `LEADS_CHAOS=full` plays longer and differently
each time.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Coroutine
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streams.dead_letters.replay import replay_job
from streams.dead_letters.selection import Selection, select
from streams.engine.pauses import StoppingError
from streams.onboarding import ONBOARDING
from streams.store import letters
from streams.store.queries import executions, uncertain_letter_ids
from streams.store.schema import contacts
from streams.testing import Cluster, LogRecord, MemoryStore, World, adapters_of, event_headers, lead
from streams.testing.clock import TimelessLoop
from streams.testing.cluster import GROUP
from streams.testing.life import Life
from tests.support.lost_store import catch_up, copy_of
from topics.events import LeadReceived

IS_FULL = os.environ.get("LEADS_CHAOS") == "full"
PEOPLE, TOPICS = 3, 9
WELCOME = "send-welcome-email"


class Sent(NamedTuple):
    """A lead as it was published."""

    event_id: str
    email: str
    value: bytes
    minute: int


def people_of(cluster: Cluster) -> dict[str, tuple[str, str, object]]:
    """Return each contact by its key, less what may depend on the order: its owner, its number of changes."""
    query = sa.select(contacts.c.contact_key, contacts.c.contact_id, contacts.c.email, contacts.c.fields)
    rows = cluster.database.transact(lambda connection: connection.execute(query).all())
    return {key: (contact_id, email, orjson.loads(fields)) for key, contact_id, email, fields in rows}


def publish(cluster: Cluster, sent: Sent) -> None:
    headers = event_headers(sent.event_id, time=f"2026-11-23T08:{sent.minute:02}:00Z")
    cluster.log.append(cluster.names.of(LeadReceived), sent.email.encode(), sent.value, headers)


class Onboarding(RuleBasedStateMachine):
    """An installation with two workers, to which anything may happen at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = TimelessLoop()
        self.store = MemoryStore()
        self.world = World()
        self.cluster = Cluster(ONBOARDING, adapters_of(self.world), self.store)
        self.other = self.cluster.new_worker()
        self.backup = copy_of(self.store)
        self.sent: list[Sent] = []
        self.poisoned = 0

    @rule(
        person=st.integers(0, PEOPLE - 1),
        company=st.sampled_from(["Zuse KG", "Ada Ltd", None]),
        minute=st.integers(0, 5),
    )
    def a_lead_is_sent(self, person: int, company: str | None, minute: int) -> None:
        email = f"person{person}@example.com"
        value = lead(email=email) if company is None else lead(email=email, company=company)
        self.sent.append(Sent(f"e-{len(self.sent)}", email, value, minute))
        publish(self.cluster, self.sent[-1])

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 100))
    def a_lead_is_sent_again(self, which: int) -> None:
        publish(self.cluster, self.sent[which % len(self.sent)])

    @rule()
    def poison_is_sent(self) -> None:
        self.poisoned += 1
        self.cluster.log.append(self.cluster.names.of(LeadReceived), b"key", b"{", event_headers("poison"))

    @rule()
    def all_is_settled(self) -> None:
        self.run(self.cluster.settle())

    @rule(topic=st.integers(0, TOPICS), size=st.integers(1, 3))
    def some_records_are_settled(self, topic: int, size: int) -> None:
        name, batch = self.batch(topic, size)
        self.run(self.cluster.work(self.other, name, batch))
        self.acknowledge(batch)

    @rule(topic=st.integers(0, TOPICS), size=st.integers(1, 3), ends_at=st.integers(1, 12))
    def a_worker_dies_at_work(self, topic: int, size: int, ends_at: int) -> None:
        name, batch = self.batch(topic, size)
        mortal = self.cluster.new_worker(Life(ends_at=ends_at))
        if self.run(self.cluster.work_while_alive(mortal, name, batch)):
            self.acknowledge(batch)

    @rule(topic=st.integers(0, TOPICS), size=st.integers(1, 3))
    def two_workers_have_the_same_records(self, topic: int, size: int) -> None:
        name, batch = self.batch(topic, size)

        async def both() -> list[BaseException | None]:
            works = (self.cluster.work(each, name, batch) for each in (self.cluster.worker, self.other))
            return await asyncio.gather(*works, return_exceptions=True)

        ended = self.run(both())
        for error in ended:
            if error is not None and not isinstance(error, StoppingError):
                raise error
        if None in ended:
            self.acknowledge(batch)

    @rule()
    def what_was_acknowledged_is_forgotten(self) -> None:
        self.cluster.forget_acknowledgements()

    @rule()
    def the_mail_server_goes(self) -> None:
        self.world.go_down()

    @rule()
    def the_mail_server_is_back(self) -> None:
        self.world.come_back()

    @rule(minutes=st.integers(1, 20))
    def time_passes(self, minutes: int) -> None:
        self.cluster.clock.advance(minutes=minutes)
        self.run(self.cluster.retries.tick())

    @rule()
    def letters_are_replayed(self) -> None:
        every = self.store.transact(lambda link: select(link, Selection().condition(self.cluster.clock())))
        uncertain = self.store.transact(lambda link: uncertain_letter_ids(link, every))
        ids = [each for each in every if each not in uncertain]
        job, _ = replay_job(self.cluster.installation, ids, lambda _: None, wait_s=0)
        self.run(job.run(lambda _: None))

    @rule()
    def the_store_is_backed_up(self) -> None:
        self.backup.close()
        self.backup = copy_of(self.store)

    @rule()
    def the_store_is_lost_and_its_backup_catches_up(self) -> None:
        self.store.close()
        self.store, self.backup = self.backup, copy_of(self.backup)
        self.run(catch_up(self.cluster, self.store))
        self.other = self.cluster.new_worker()

    @invariant()
    def nobody_gets_two_mails(self) -> None:
        assert all(count == 1 for count in Counter(mail.to for mail in self.world.mails).values())

    @invariant()
    def one_id_never_has_two_contents(self) -> None:
        values: dict[tuple[str, bytes | None], bytes | None] = {}
        for topic, records in self.cluster.log.topics.items():
            if topic in (self.cluster.names.letters, self.cluster.names.requests):
                continue
            for record in records:
                event_id = dict(record.headers)["ce_id"]
                if event_id != b"poison":
                    assert values.setdefault((topic, event_id), record.value) == record.value

    def teardown(self) -> None:
        try:
            self.judge()
        finally:
            self.store.close()
            self.backup.close()
            self.loop.close()

    def judge(self) -> None:
        """Let everything settle, and all of it once more; then nothing is missing and nothing is double."""
        self.world.come_back()
        for _ in range(3):
            self.run(self.cluster.settle())
            self.cluster.clock.advance(hours=8)
            self.run(self.cluster.retries.tick())
        self.cluster.forget_acknowledgements()
        self.run(self.cluster.settle())

        self.nobody_gets_two_mails()
        self.one_id_never_has_two_contents()
        found = self.store.transact(
            lambda connection: letters.find(connection, statuses=letters.EVERY, limit=1000)
        )
        left = Counter(row.letter.failure_class for row in found if row.status in letters.OPEN)
        doubtful = [row for row in found if row.letter.failure_class == "uncertain"]
        assert left == +Counter(poison=self.poisoned, uncertain=len(doubtful))
        assert {row.letter.action for row in doubtful} <= {WELCOME}
        expected = {
            step.action.kebab: (len(self.sent), 0) for step in ONBOARDING.steps_of(LeadReceived) if self.sent
        }
        if self.sent:
            expected[WELCOME] = (len(self.sent) - len(doubtful), len(doubtful))
        assert self.store.transact(executions) == expected
        in_doubt = {self.sent[int((row.lead_id or "").removeprefix("e-"))].email for row in doubtful}
        mailed = {str(mail.to) for mail in self.world.mails}
        assert {each.email for each in self.sent} - in_doubt <= mailed
        assert people_of(self.cluster) == self.plainly()

    def plainly(self) -> dict[str, tuple[str, str, object]]:
        """Return the contacts after the same leads without any trouble."""
        store = MemoryStore()
        try:
            cluster = Cluster(ONBOARDING, adapters_of(World()), store)
            for each in self.sent:
                publish(cluster, each)
            self.run(cluster.settle())
            return people_of(cluster)
        finally:
            store.close()

    def batch(self, topic: int, size: int) -> tuple[str, list[LogRecord]]:
        """Return some records that were not acknowledged, of a topic that has any."""
        waiting = [each for each in self.cluster.topics if self.cluster.unread(each)] or self.cluster.topics[
            :1
        ]
        name = waiting[topic % len(waiting)]
        return name, self.cluster.unread(name)[:size]

    def acknowledge(self, batch: list[LogRecord]) -> None:
        for record in batch:
            self.cluster.log.commit(GROUP, record)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever it gives
        return self.loop.run_until_complete(coroutine)


TestOnboarding = Onboarding.TestCase
TestOnboarding.settings = settings(
    max_examples=2_000 if IS_FULL else 150,
    stateful_step_count=50 if IS_FULL else 30,
    derandomize=not IS_FULL,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
