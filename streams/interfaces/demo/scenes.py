"""Runs the demo: leads arrive, the mail server stops and comes back, and everything is verified."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from streams.interfaces.common import connections, verifying
from streams.interfaces.common.errors import WrongUseError
from streams.interfaces.common.output import errors, plural
from streams.interfaces.common.status import database_status, kafka_status
from streams.interfaces.demo.child import DemoServers
from streams.interfaces.demo.folder import DemoFolder, child_environment, count_lines, new_webhook_secret
from streams.interfaces.demo.render import Display
from streams.interfaces.demo.samples import Sample, make_samples
from streams.interfaces.demo.summary import State, Summary, faults, open_letters, outcomes, owners
from streams.kafka.address import KafkaAddress
from streams.kafka.producer import new_producer
from streams.kafka.reader import RangeReader
from streams.kafka.topics import apply, describe, plan
from streams.onboarding import ONBOARDING
from streams.operations.verify.judge import Verdict
from streams.settings import Config, Settings, load_config
from streams.store import ledger, letters
from streams.store.engine import Database
from topics import ids
from topics.events import LeadReceived
from topics.registry import TopicNames

LOOK_S = 0.25
STALLED_S = 90.0
"""Without a change for so long the demo fails; longer than the longest retry delay of its leads.toml."""
FIRST_PART = 0.4
"""Share of the records that are published before the mail server goes away."""


def run_demo(settings: Settings, folder: DemoFolder, count: int) -> Summary:
    """Run the demo, which takes less than a minute after a first download. Raise errors that `ending_of` knows."""
    began = time.monotonic()
    config = load_config(settings.config)
    with folder.held(), connections.database(settings) as database:
        _refuse_letters_of_others(database, settings.group)
        with connections.kafka(settings) as address:
            environment = child_environment(settings, {"LEADS_KAFKA": settings.kafka or address.bootstrap})
            with DemoServers(folder, environment, new_webhook_secret()) as servers:
                demo = _Demo(settings, config, folder, database, address, servers)
                return asyncio.run(demo.run(make_samples(count), began))


def _refuse_letters_of_others(database: Database, group: str) -> None:
    with database.snapshot() as connection:
        retried = letters.find(connection, statuses=(letters.SCHEDULED, letters.REPLAYING), limit=100_000)
    if others := {row.letter.group for row in retried} - {group}:
        raise WrongUseError(
            f"the database holds letters of {', '.join(sorted(others))} that wait to be retried, and the demo's "
            "worker would retry them; unset LEADS_DATABASE, or use another database for the demo"
        )


class _Published(NamedTuple):
    """A sample with its partition and offset."""

    sample: Sample
    partition: int
    offset: int


@dataclass
class _Demo:
    settings: Settings
    config: Config
    folder: DemoFolder
    database: Database
    address: KafkaAddress
    servers: DemoServers
    published: list[_Published] = field(default_factory=list)
    admin: AIOKafkaAdminClient = field(init=False)
    reader: RangeReader = field(init=False)
    producer: AIOKafkaProducer = field(init=False)
    display: Display = field(init=False)

    @property
    def names(self) -> TopicNames:
        return TopicNames(self.settings.prefix)

    async def run(self, samples: Sequence[Sample], began: float) -> Summary:
        """Run all scenes and verify the results."""
        async with AsyncExitStack() as stack:
            self.admin = await stack.enter_async_context(connections.admin(self.address))
            self.reader = await stack.enter_async_context(RangeReader(self.address))
            await self._make_topics()
            start = await self._state()
            known = await self._known_faults(start)
            chosen = self._without_known_plain(samples)
            self.display = stack.enter_context(Display(errors(), start.received + len(chosen)))
            self.producer = new_producer(self.address)
            await self.producer.start()
            stack.push_async_callback(self.producer.stop)
            await self.servers.start_worker()
            self.display.note(
                f"Kafka on {self.address.bootstrap}, mail server on 127.0.0.1:{self.servers.mail_port}, webhook "
                f"receiver on 127.0.0.1:{self.servers.webhook_port} and a worker are ready."
            )
            if start.actions:
                self.display.note(
                    "The same leads again: the ledger answers for everything that was done before."
                )
            if left_out := len(samples) - len(chosen):
                self.display.note(
                    f"Skipped {plural(left_out, 'plain record')} without an id; each would be a new lead."
                )
            if known:
                self.display.note(
                    f"`leads verify` found {plural(sum(known.values()), 'fault')} of earlier runs; not counted."
                )
            late = await self._play(chosen)
            self.servers.stop()
            self.display.note("The worker has stopped. Comparing topics, database, mails and webhooks.")
            verdict, end = await self._verdict(), await self._state()
        unreadable = self._letters_of_unreadable()
        with self.database.snapshot() as connection:
            return Summary(
                published=chosen,
                left_out=left_out,
                unreadable=unreadable,
                start=start,
                end=end,
                known_faults=known,
                verdict=verdict,
                outcomes=outcomes(connection),
                owners=owners(connection),
                letters=open_letters(connection, unreadable),
                mails_late=late,
                seconds=time.monotonic() - began,
            )

    async def _known_faults(self, start: State) -> dict[str, int]:
        """Verify the results of earlier runs. Raise `WrongUseError` when the topics belong to another database."""
        if not start.actions and not start.received:
            return {}
        known = faults(await self._verdict())
        if known and not start.actions:
            raise WrongUseError(
                f"the topics {self.settings.prefix}* hold the results of another database than this empty one; "
                "set LEADS_PREFIX to a prefix of its own, for example demo2."
            )
        return known

    async def _make_topics(self) -> None:
        wanted = connections.wanted(self.settings, self.config.topics)
        found = await describe(self.admin, [topic.name for topic in wanted])
        done = await apply(self.admin, wanted, found)
        if left := [difference for difference in plan(wanted, found) if difference not in done]:
            raise WrongUseError(f"{left[0]}")

    def _without_known_plain(self, samples: Sequence[Sample]) -> list[Sample]:
        """Leave out plain leads of an earlier run: they have no id to be recognised by and would be new leads."""
        with self.database.snapshot() as connection:
            return [
                sample
                for sample in samples
                if sample.kind != "plain" or not ledger.of_lead(connection, sample.lead_id or "")
            ]

    # ---------------------------------------------------------------------------------------------- the scenes

    async def _play(self, samples: Sequence[Sample]) -> int:
        """Publish all samples and wait for the end; return the number of mails sent after the outage."""
        display, servers = self.display, self.servers
        first = samples[: int(len(samples) * FIRST_PART)]
        display.note(f"Publishing {plural(len(first), 'record')}; the mail server is running.")
        await self._publish(first)
        await self._until(_is_settled)
        servers.stop_mail_server()
        rest = samples[len(first) :]
        display.note(
            f"The mail server has stopped. Publishing {plural(len(rest), 'more record')} all the same."
        )
        await self._publish(rest)
        state = await self._until(self._is_held_up)
        display.note(self._outage(state))
        await servers.restart_mail_server()
        display.note(
            "The mail server is back."
            + ("" if _is_settled(state) else " Waiting work continues automatically.")
        )
        end = await self._until(_is_settled)
        display.note("Every record has been processed.")
        return end.mails - state.mails

    async def _publish(self, samples: Sequence[Sample]) -> None:
        topic = self.names.of(LeadReceived)
        acknowledged = await asyncio.gather(
            *[
                await self.producer.send(topic, sample.value, key=sample.key, headers=sample.headers)
                for sample in samples
            ]
        )
        for sample, place in zip(samples, acknowledged, strict=True):
            self.published.append(_Published(sample, place.partition, place.offset))

    def _letters_of_unreadable(self) -> dict[str, str]:
        """Return the ids that the letters of the unreadable records must have, each with the record's defect."""
        topic, group = self.names.of(LeadReceived), self.settings.group
        return {
            ids.letter_id(
                topic, record.partition, record.offset, group, step.action.kebab
            ): record.sample.defect
            for record in self.published
            if record.sample.kind == "unreadable"
            for step in ONBOARDING.reading(LeadReceived)
        }

    async def _until(self, is_reached: Callable[[State], bool]) -> State:
        """Poll until a state is reached. Raise `CommandError` when the worker ends, or when nothing changes any more.

        Topics and database are read one after the other, and a retry may happen in between, so two polls must agree.
        """
        before, changed = None, time.monotonic()
        while True:
            state = await self._state()
            self.display.update(state)
            if (
                before is not None
                and before.actions == state.actions
                and is_reached(before)
                and is_reached(state)
            ):
                return state
            if state != before:
                before, changed = state, time.monotonic()
            if not self.servers.worker.is_running:
                raise self.servers.worker.failure("ended unexpectedly")
            if time.monotonic() - changed > STALLED_S:
                raise self.servers.worker.failure(f"has made no progress for {STALLED_S:.0f} s")
            await asyncio.sleep(LOOK_S)

    def _is_held_up(self, state: State) -> bool:
        """Return whether only retries and records of a paused step are left, which wait for the outage to end."""
        going_on = {
            self.names.of(event)
            for event in ONBOARDING.inputs
            if not any(step.action.kebab in state.paused for step in ONBOARDING.reading(event))
        }
        return not any(state.waiting[topic] for topic in going_on)

    def _outage(self, state: State) -> str:
        if _is_settled(state):
            return "Nothing waits for the mail server: no lead needs another mail."
        waiting = [f"{plural(state.retried, 'letter')} with a due time"] if state.retried else []
        for event in ONBOARDING.inputs:
            paused = [
                step.action.kebab for step in ONBOARDING.reading(event) if step.action.kebab in state.paused
            ]
            if paused:
                records = plural(state.waiting[self.names.of(event)], "record")
                waiting.append(f"{records} for {' and '.join(paused)}, paused for a while")
        return f"Only what needs the mail server waits: {', and '.join(waiting)}."

    # ------------------------------------------------------------------------------- what status and verify read

    async def _state(self) -> State:
        kafka = await kafka_status(self.admin, self.reader, self.settings)
        with self.database.snapshot() as connection:
            database = database_status(connection)
        topics = {each["topic"]: each for each in kafka["topics"]}
        read = [self.names.of(event) for event in ONBOARDING.inputs]
        waiting = {name: topics[name]["waiting"] for name in (*read, self.names.requests, self.names.letters)}
        return State(
            received=topics[self.names.of(LeadReceived)]["records"],
            # Of a topic in which the group has settled nothing yet, all records wait.
            waiting={name: topics[name]["records"] if n is None else n for name, n in waiting.items()},
            actions=database["actions"],
            letters=database["letters"],
            paused=frozenset(each["step"] for each in database["pauses"]),
            contacts=database["contacts"],
            mails=count_lines(self.folder.mails),
            webhooks=count_lines(self.folder.webhooks),
        )

    async def _verdict(self) -> Verdict:
        mails, webhooks = self.folder.mails, self.folder.webhooks
        for journal in (mails, webhooks):
            journal.touch()  # when nothing has arrived, the journal must exist and be empty
        received_from: dict[int, int] = {}
        for record in self.published:
            received_from.setdefault(record.partition, record.offset)  # the first one has the lowest offset
        question = replace(
            verifying.question_of(self.settings, mails=mails, webhooks=webhooks),
            received_from=received_from,
            pause_s=0,  # no worker runs, so a second look needs no pause
        )
        return await verifying.verify(self.settings, self.address, question, lambda *_: None)


def _is_settled(state: State) -> bool:
    return not any(state.waiting.values()) and not state.retried
