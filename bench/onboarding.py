"""A whole onboarding for both contenders; ours runs the worker as `leads worker` does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex

from bench.window import cpu_s
from streams.engine.installation import Adapters
from streams.kafka.address import parse_kafka
from streams.kafka.producer import KafkaPublisher, new_producer
from streams.settings import Config, OwnerEntry, Settings, load_settings
from streams.store.engine import Database
from streams.store.migrate import open_database
from streams.wiring import adapters, installation_of
from streams.worker import Worker

OWNERS = 3

Say = Callable[..., None]
StopRequested = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Onboarding:
    """Where everything is."""

    kafka: str
    prefix: str
    group: str
    folder: str
    smtp: str
    notify: str
    notify_secret: str

    def settings(self) -> Settings:
        """Settings as the environment would give them."""
        return load_settings(
            kafka=self.kafka,
            prefix=self.prefix,
            group=self.group,
            data=Path(self.folder),
            smtp=self.smtp,
            notify=self.notify,
            notify_secret=self.notify_secret,
            secret=token_hex(16),  # any will do: no two runs share a database
        )

    def config(self) -> Config:
        """Roster and rules as leads.toml would give them; all else at its default."""
        numbers = range(1, OWNERS + 1)
        return Config(
            owners=tuple(
                OwnerEntry(id=f"o{n}", name=f"Owner {n}", email=f"owner{n}@example.com") for n in numbers
            )
        )

    def database(self) -> Database:
        """The SQLite file, as the store opens it: WAL, synchronous=FULL."""
        return open_database(self.settings().database_url)

    def adapters(self) -> Adapters:
        """What answers the ports: for both contenders the same mail server, webhook, templates and store."""
        return adapters(self.settings(), self.config())


async def worker(task: Onboarding, say: Say, stop_requested: StopRequested) -> Mapping[str, object]:
    """Run our worker from when it has joined its group until it is told to stop."""
    database, config, address = task.database(), task.config(), parse_kafka(task.kafka)
    async with KafkaPublisher(partial(new_producer, address)) as publisher:
        ours = Worker(
            installation_of(task.settings(), config, database, publisher),
            settings=task.settings(),
            address=address,
            ledger_retention=config.ledger.retention,
        )
        running = asyncio.create_task(ours.run())
        ready = asyncio.create_task(ours.ready.wait())
        await asyncio.wait((running, ready), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        before = cpu_s()
        say(ready=True)
        await stop_requested()
        used = cpu_s() - before
        ours.stop()
        await running
    database.close()
    return {"cpu_s": used, "process_cpu_s": cpu_s()}
