"""A worker whose steps pause: its mail server fails, its validation breaks, and it keeps what may not start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from actions.ports import Identity, Mail, Mailer
from streams.adapters.identity import HmacIdentity
from streams.engine.handover import Records
from streams.engine.pauses import PauseRules
from streams.onboarding import ONBOARDING
from streams.operations.pause_sync import PauseKeeper
from streams.testing import Cluster, MemoryStore, World, adapters_of, event_headers, lead
from streams.workflow import Step
from tests.support.workflow import RECEIVED
from topics.decode import Record

FAILURES, LETTERS_PER_MINUTE = 5, 10
LANES = 4
PEOPLE = 40
WELCOME, VALIDATE = "send_welcome_email", "validate_lead"


@dataclass
class MailServer:
    """The world's mail server, as a dependency of a step."""

    world: World
    dependency = "mail"

    async def send(self, mail: Mail) -> None:
        await self.world.send(mail)


class Forgetful(HmacIdentity):
    """Makes every validation a defect while it is broken."""

    is_broken = True

    def contact_key(self, *, email: str | None, phone: str | None) -> str:
        if self.is_broken:
            raise RuntimeError
        return super().contact_key(email=email, phone=phone)


def unbroken_identity() -> Forgetful:
    identity = Forgetful(b"a secret for tests")
    identity.is_broken = False
    return identity


@contextmanager
def pausing_cluster(world: World, identity: Forgetful) -> Iterator[Cluster]:
    """Yield onboarding with few lanes and strict limits, so that its steps pause early."""
    store = MemoryStore()
    rules = PauseRules(failures=FAILURES, letters_per_minute=LETTERS_PER_MINUTE)
    adapters = adapters_of(world, shared={Mailer: MailServer(world), Identity: identity})
    workflow = ONBOARDING.with_effect("welcome", concurrency=LANES)
    yield Cluster(workflow, replace(adapters, pause_rules=rules), store)
    store.close()


def send_leads(cluster: Cluster, count: int = PEOPLE) -> None:
    for number in range(count):
        value = lead(email=f"p{number}@example.com", lead_id=f"lead-{number}")
        cluster.log.append(RECEIVED, f"lead-{number}".encode(), value, event_headers(f"e-{number}"))


class PausingWorker:
    """Lets a cluster's worker settle what it can, and keeps the records of paused steps for later."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.waiting: dict[str, list[Record]] = {}

    async def settle(self) -> set[str]:
        """Work until nothing moves. Return the paused steps."""
        for step in self.cluster.workflow.steps:
            await self._work(step, [])
        while any([await self._take(topic) for topic in self.cluster.topics]):
            pass
        return set(self.waiting)

    async def _take(self, topic: str) -> bool:
        batch = self.cluster.unread(topic)
        for step in self.cluster.workflow.steps:
            if self.cluster.names.of(step.reads) == topic:
                await self._work(step, batch)
        if topic in (self.cluster.names.requests, self.cluster.names.letters):
            await self.cluster.work(self.cluster.worker, topic, batch)
        for record in batch:
            self.cluster.log.commit("leads", record)
        return bool(batch)

    async def _work(self, step: Step, batch: Sequence[Record]) -> None:
        todo = [*self.waiting.pop(step.name, []), *batch]
        unfinished = await self.cluster.worker.processor.process(step, Records(todo))
        if unfinished:
            self.waiting[step.name] = unfinished.of(todo)


async def keep(cluster: Cluster) -> None:
    await PauseKeeper(cluster.database, cluster.worker.pauses, "worker-1", cluster.clock).tick()
