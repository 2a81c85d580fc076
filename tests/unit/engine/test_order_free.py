"""Order, repetition, the cut into batches and the number of workers do not change what is kept.

On both databases the state is compared with that of one plain run on SQLite.

What may depend on the order is left out, or taken in the form that may not:

* Who owns a contact is a matter of whose turn it was. That every contact has one, and how many each owner has, is not.
* Which lead of a contact brought the mail: the one that came first. That there is one mail per contact is not.
* How often a contact changed (`revision`), as an older value may come later and change nothing.
* Where a record lies in its topic, and with that the id of a letter for a record nobody can read.

All else counts: fields with source, time and event of each, effects, the ids of all results, what mails went out.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Iterator, Sequence

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from streams.onboarding import ONBOARDING
from streams.store.engine import Database
from streams.store.migrate import open_database
from streams.store.schema import contacts, effects, letters
from streams.testing import clock
from streams.testing.cluster import GROUP, Cluster
from streams.testing.leads import event_headers, lead
from streams.testing.log import PARTITIONS, LogRecord
from streams.testing.store import MemoryStore
from streams.testing.world import World, adapters_of
from topics.events import LeadReceived

Published = tuple[bytes, str]

PEOPLE, EVENTS, CREW = 60, 300, 3
RUNS = [
    pytest.param(
        run,
        (1, 7, 500)[run % 3],
        (1, CREW)[run // 3 % 2],
        marks=[pytest.mark.long_on("postgresql")] if run >= 6 else [],
    )
    for run in range(20)
]
"""Every size of batches with every number of workers, then again with other seeds."""


def events() -> list[Published]:
    """Return contradicting leads of a few people, some at the same time; some are invalid, some unreadable."""
    chance = random.Random(4)
    found = []
    for number in range(EVENTS):
        person = chance.randrange(PEOPLE)
        fields = {"company": f"Company {chance.randrange(9)}", "city": chance.choice(["Ulm", "Bonn", "Köln"])}
        some = {name: value for name, value in fields.items() if chance.random() < 0.7}
        value = lead(email="nobody" if number % 29 == 0 else f"person{person}@example.com", **some)
        found.append((b"{ %d" % number if number % 50 == 7 else value, f"e-{number}"))
    return found


def state_hash(cluster: Cluster, world: World) -> str:
    """Hash the state that the docstring of this file describes."""

    def read(connection: Connection) -> list[object]:
        people = connection.execute(sa.select(contacts).order_by(contacts.c.contact_key)).mappings().all()
        calls = sa.select(effects.c.key, effects.c.action, effects.c.status).order_by(effects.c.key)
        open_letters = sa.select(letters.c.action, letters.c.code, letters.c.status, letters.c.record_value)
        return [
            [
                (
                    each["contact_key"],
                    each["contact_id"],
                    each["email"],
                    each["phone"],
                    orjson.loads(each["fields"]),
                )
                for each in people
            ],
            sorted(Counter(str(each["owner_id"]) for each in people).items()),
            [tuple(each) for each in connection.execute(calls)],
            sorted(str(tuple(each)) for each in connection.execute(open_letters)),
        ]

    results = {
        (topic, dict(record.headers)["ce_id"])
        for topic, records in cluster.log.topics.items()
        if topic not in (cluster.names.of(LeadReceived), cluster.names.letters)
        for record in records
    }
    stated = sorted((topic, (of or b"").decode()) for topic, of in results)
    outside = [sorted(str(mail.to) for mail in world.mails), sorted(world.notes)]
    whole = orjson.dumps([*cluster.database.transact(read), stated, outside], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(whole).hexdigest()


def run(published: Sequence[Published], seed: int, size: int, connections: Sequence[Database]) -> str:
    """Publish in this order, settle in batches of `size`, and return the hash of the final state.

    There is one worker per database connection. Workers run at the same time, each on its own partitions, which are
    reassigned after every batch.
    """
    world = World()
    cluster = Cluster(ONBOARDING, adapters_of(world), connections[0])
    chance = random.Random(seed)
    crew = []
    for cluster.database in connections:
        crew.append(cluster.new_worker())
    for value, event_id in published:
        number = int(event_id.removeprefix("e-"))
        headers = event_headers(event_id, time=f"2026-11-23T08:{number // 5 % 60:02}:00Z")
        cluster.log.append(cluster.names.of(LeadReceived), None, value, headers)

    def batch_of(partitions: Sequence[int]) -> tuple[str, list[LogRecord]] | None:
        unread = {
            topic: [record for record in cluster.unread(topic) if record.partition in partitions]
            for topic in cluster.topics
        }
        waiting = [topic for topic, records in unread.items() if records]
        if not waiting:
            return None
        topic = chance.choice(waiting)
        return topic, unread[topic][:size]

    async def settle() -> None:
        while any(map(cluster.unread, cluster.topics)):
            partitions = chance.sample(range(PARTITIONS), PARTITIONS)
            dealt = [(worker, batch_of(partitions[n :: len(crew)])) for n, worker in enumerate(crew)]
            work = [(worker, *batch) for worker, batch in dealt if batch]
            await asyncio.gather(*(cluster.work(*each) for each in work))
            for _, _, batch in work:
                for record in batch:
                    cluster.log.commit(GROUP, record)

    clock.run(settle())
    return state_hash(cluster, world)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def connections(request: pytest.FixtureRequest) -> Iterator[list[Database]]:
    """Each worker's connections to the one store: on PostgreSQL its own, so that their transactions meet."""
    if request.param == "sqlite":
        store = MemoryStore()
        opened: list[Database] = [store] * CREW
    else:
        url = request.getfixturevalue("postgres_url")
        opened = [open_database(url) for _ in range(CREW)]
    yield opened
    for each in set(opened):
        each.close()


@pytest.fixture(scope="module")
def plain() -> str:
    """Return the hash of the state when nothing is shuffled or repeated."""
    store = MemoryStore()
    try:
        return run(events(), 0, 500, [store])
    finally:
        store.close()


@pytest.mark.parametrize(("seed", "size", "workers"), RUNS)
def test_the_state_is_the_same_whatever_the_order(
    plain: str, connections: Sequence[Database], seed: int, size: int, workers: int
) -> None:
    chance = random.Random(seed)
    once = events()
    readable = [each for each in once if not each[0].startswith(b"{ ")]
    shuffled = once + chance.sample(readable, 60)
    chance.shuffle(shuffled)

    assert run(shuffled, seed, size, connections[:workers]) == plain
