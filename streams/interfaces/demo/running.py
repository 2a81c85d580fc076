"""This file runs the demo: sets everything up, plays the scenes, counts, and takes everything down."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import orjson
from sqlalchemy.engine import Connection

from streams.adapters.identity import HmacIdentity
from streams.clock import now, to_us
from streams.interfaces.common import connections
from streams.interfaces.common.errors import WrongUseError
from streams.interfaces.common.output import errors, plural
from streams.interfaces.demo import totals
from streams.interfaces.demo.children import Child, Children
from streams.interfaces.demo.place import DemoFolder, child_environment, new_webhook_secret
from streams.interfaces.demo.samples import Sample, make_samples
from streams.interfaces.demo.scenes import Stage, lines_of
from streams.interfaces.demo.showing import Show
from streams.interfaces.demo.summary import Counted, Outside, Summary, add_up
from streams.interfaces.demo.watching import Watcher
from streams.kafka.address import KafkaAddress
from streams.kafka.producer import new_producer
from streams.kafka.topics import apply, describe, plan
from streams.settings import Config, Settings, load_config
from streams.store import letters
from streams.store.engine import Database
from streams.store.letters import OPEN
from topics.events import LeadReceived
from topics.registry import TopicNames


@dataclass(frozen=True, slots=True)
class _Before:
    """How things stood when the demo began."""

    moment_us: int
    contacts: int
    mails: int
    hooks: int
    letters: int
    events: set[tuple[str, str]]
    leads: set[str]


def run_demo(settings: Settings, folder: DemoFolder, count: int) -> Summary:
    """Run it all; blocks for less than a minute, after a first download. Raises what `leads.cli.errors` knows."""
    config = load_config(settings.config)
    began = time.monotonic()
    with folder.held(), connections.database(settings) as database:
        groups = database.transact(lambda connection: totals.foreign_groups(connection, settings.group))
        if groups:
            raise WrongUseError(
                f"the database holds letters of {', '.join(sorted(groups))} that wait to be retried, and the demo's "
                "worker would do so; take LEADS_DATABASE away, or give the demo a database of its own"
            )
        with connections.kafka(settings) as address:
            variables = {"LEADS_KAFKA": settings.kafka or address.bootstrap}
            with Children(folder, child_environment(settings, variables)) as children:
                demo = _Demo(settings, config, folder, database, address, children, count)
                return asyncio.run(demo.run(began))


class _Demo:
    def __init__(
        self,
        settings: Settings,
        config: Config,
        folder: DemoFolder,
        database: Database,
        address: KafkaAddress,
        children: Children,
        count: int,
    ) -> None:
        self._settings = settings
        self._config = config
        self._folder = folder
        self._database = database
        self._address = address
        self._children = children
        self._samples = make_samples(count)

    async def run(self, began: float) -> Summary:
        wanted = connections.wanted(self._settings, self._config.topics)
        async with connections.admin(self._address) as admin:
            found = await describe(admin, [topic.name for topic in wanted])
            done = await apply(admin, wanted, found)
        if left := [difference for difference in plan(wanted, found) if difference not in done]:
            raise WrongUseError(f"{left[0]}")
        before = self._look_back()
        records = [sample for sample in self._samples.records if not _is_known_plain(sample, before)]
        left_out = len(self._samples.records) - len(records)
        async with AsyncExitStack() as stack:
            watcher = Watcher(
                self._address, TopicNames(self._settings.prefix), self._config.topics.partitions
            )
            stack.push_async_callback(watcher.stop)
            await watcher.start()
            producer = new_producer(self._address)
            stack.push_async_callback(producer.stop)
            await producer.start()
            show = stack.enter_context(Show(errors(), len(records)))
            mail_server, port, worker = await self._start_servers(show)
            if before.events:
                show.say(_same_again(before, left_out))
            stage = Stage(
                children=self._children,
                folder=self._folder,
                worker=worker,
                mail_server=mail_server,
                mail_port=port,
                producer=producer,
                watcher=watcher,
                database=self._database,
                group=self._settings.group,
                topic=TopicNames(self._settings.prefix).of(LeadReceived),
                show=show,
                mails_before=before.mails,
                letters_before=before.letters,
            )
            await stage.play(records)
            received = await watcher.received()
        return self._count(stage, before, received, left_out, began)

    async def _start_servers(self, show: Show) -> tuple[Child, int, Child]:
        secret = new_webhook_secret()
        mail_server = self._children.mail_server(self._folder.mails)
        sink = self._children.start(
            "webhook receiver",
            "streams.testing.webhook_receiver",
            "--file",
            str(self._folder.hooks),
            LEADS_NOTIFY_SECRET=secret,
        )
        port, sink_port = await mail_server.port(), await sink.port()
        worker = self._children.start(
            "worker",
            "streams.interfaces.cli.main",
            "worker",
            LEADS_SMTP=f"smtp://127.0.0.1:{port}",
            LEADS_NOTIFY=f"http://127.0.0.1:{sink_port}/",
            LEADS_NOTIFY_SECRET=secret,
        )
        await worker.ready()
        show.say(
            f"Kafka on {self._address.bootstrap}, mail server on 127.0.0.1:{port}, webhook receiver on "
            f"127.0.0.1:{sink_port} and a worker are ready."
        )
        return mail_server, port, worker

    def _look_back(self) -> _Before:
        identities = [sample.identity for sample in self._samples.records if sample.identity is not None]
        plain = [sample.lead_id or "" for sample in self._samples.records if sample.kind == "plain"]

        def look(connection: Connection) -> _Before:
            by_status = letters.counts(connection)
            return _Before(
                moment_us=to_us(now()),
                contacts=totals.counts(connection)[0],
                mails=lines_of(self._folder.mails),
                hooks=lines_of(self._folder.hooks),
                letters=sum(by_status.get(status, 0) for status in OPEN),
                events=totals.known_events(connection, identities),
                leads=totals.known_leads(connection, plain),
            )

        return self._database.transact(look)

    def _count(self, stage: Stage, before: _Before, received: int, left_out: int, began: float) -> Summary:
        identity = HmacIdentity(self._settings.contact_secret)

        def count(connection: Connection) -> Counted:
            since = before.moment_us
            fates = [stage.watcher.seen.fate(record) for record in stage.records]
            mails = _column(self._folder.mails, "message_id")
            return Counted(
                published=len(stage.records),
                received_by_broker=received,
                fates_in_topics={fate: fates.count(fate) for fate in set(fates)},
                books=totals.keep_books(
                    connection,
                    stage.records,
                    self._samples.newest,
                    group=self._settings.group,
                    identity=identity,
                    contacts_before=before.contacts,
                ),
                created=totals.created_since(connection, since),
                outside=Outside(
                    mails=mails[before.mails :],
                    mails_sent=totals.made_since(connection, since, "send-welcome-email", "message_id"),
                    hooks=_column(self._folder.hooks, "webhook_id")[before.hooks :],
                    hooks_sent=totals.made_since(connection, since, "notify-owner", "lead_id"),
                    mails_ever=mails,
                ),
                known_before=len(before.events),
                left_out=left_out,
                newest=len(self._samples.newest),
                mails_late=stage.mails_late,
                seconds=time.monotonic() - began,
            )

        return add_up(self._database.transact(count))


def _is_known_plain(sample: Sample, before: _Before) -> bool:
    return sample.kind == "plain" and sample.lead_id in before.leads


def _same_again(before: _Before, left_out: int) -> str:
    known = plural(len(before.events), "event")
    plain = (
        f" Left out: {plural(left_out, 'plain record')} without an id, each would be a new lead."
        if left_out
        else ""
    )
    return f"The same leads again: {known} known from before will be answered from the ledger.{plain}"


def _column(journal: Path, name: str) -> list[str]:
    if not journal.exists():
        return []
    return [str(orjson.loads(line)[name]) for line in journal.read_bytes().splitlines()]
