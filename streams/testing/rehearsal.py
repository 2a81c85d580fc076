"""Rehearses a workflow in a plain test: everything is real but the broker and the outside world."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.ports import StoredContact
from streams.dead_letters.replay import replay_job
from streams.onboarding import ONBOARDING
from streams.store import letters
from streams.store.contacts import find
from streams.store.schema import contacts
from streams.testing.clock import TimelessLoop
from streams.testing.cluster import Cluster
from streams.testing.leads import event_headers
from streams.testing.log import LogRecord
from streams.testing.store import MemoryStore
from streams.testing.world import World, adapters_of
from streams.workflow import Workflow
from topics.decode import Position, decode
from topics.events import Event, LeadReceived
from topics.letter import DeadLetter

E = TypeVar("E", bound=Event)


class Rehearsal:
    """A workflow with its own log, store, clock and outside world; nothing waits, nothing is left behind.

        with Rehearsal() as onboarding:
            onboarding.publish(lead(email="jane@example.com"))
            assert [each.outcome for each in onboarding.stated(LeadWelcomed)] == ["sent"]

    Not for tests that are `async def`: those use `Cluster`.
    """

    def __init__(
        self, workflow: Workflow = ONBOARDING, *, ports: Mapping[type, object] | None = None
    ) -> None:
        """`ports` are your own, by type; they may also replace those of `world`. See `adapters_of` for the rest.

        `ONBOARDING.with_effect("welcome", when_uncertain="repeat")` is the workflow with another rule for one effect.
        """
        self.world = World()
        self._store = MemoryStore()
        self.cluster = Cluster(workflow, adapters_of(self.world, shared=ports), self._store)
        self._runner = asyncio.Runner(loop_factory=TimelessLoop)

    def __enter__(self) -> Self:
        """Return the rehearsal."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the event loop and the store."""
        self._runner.close()
        self._store.close()

    # ------------------------------------------------------------------------------------------------- acting

    def publish(
        self, value: bytes, event_id: str | None = None, *, key: bytes | None = None, **attributes: str
    ) -> LogRecord:
        """Publish a lead and settle everything that follows; return its record.

        Without an `event_id` it is plain JSON, as from a console producer. `attributes` are further `ce_*` attributes:
        `time="2026-11-23T08:00:00Z"`.
        """
        headers = [] if event_id is None else event_headers(event_id, **attributes)
        topic = self.cluster.names.of(LeadReceived)
        record = self.cluster.log.append(topic, key, value, headers)
        self.settle()
        return record

    def settle(self) -> None:
        """Settle everything unread. Raise as the processor does; nothing is acknowledged then."""
        self._runner.run(self.cluster.settle())

    def advance(self, **by: float) -> int:
        """Let time pass, `advance(minutes=2)`, and settle the due retries; return how many there were."""
        self.cluster.clock.advance(**by)
        asked = self._runner.run(self.cluster.retries.tick())
        self.settle()
        return asked

    def redeliver(self) -> None:
        """Deliver every record again, to a fresh worker: as after a crash that lost all offsets."""
        self.cluster.worker = self.cluster.new_worker()
        self.cluster.forget_acknowledgements()
        self.settle()

    def replay(self) -> int:
        """Replay every open letter but the uncertain ones, as `leads dead-letters replay --all` does.

        Return how many there were.
        """
        asked = [letter.id for letter in self.letters if letter.failure_class != "uncertain"]
        self._runner.run(self._ask(asked))
        self.settle()
        return len(asked)

    async def _ask(self, ids: list[str]) -> None:
        job, _ = replay_job(self.cluster.installation, ids, lambda _: None, wait_s=0)
        await job.run(lambda _: None)

    # ------------------------------------------------------------------------------------------------- looking

    def stated(self, event: type[E]) -> list[E]:
        """Every event of this type on its topic, each once, in the order of writing."""
        found: dict[str, Event] = {}
        for record in self.cluster.records(event):
            decoded = decode(
                record.value,
                record.headers,
                event,
                Position(record.topic, record.partition, record.offset, 0),
            )
            found.setdefault(decoded.envelope.id, decoded.event)
        return [each for each in found.values() if isinstance(each, event)]

    @property
    def letters(self) -> list[DeadLetter]:
        """The open dead letters, oldest first."""
        return [row.letter for row in self._store.transact(letters.find)]

    @property
    def contacts(self) -> list[StoredContact]:
        """The contacts in the store, by contact key."""

        def read(connection: Connection) -> list[StoredContact]:
            keys = connection.execute(sa.select(contacts.c.contact_key)).scalars().all()
            return [contact for _, (contact, _) in sorted(find(connection, keys).items())]

        return self._store.transact(read)
