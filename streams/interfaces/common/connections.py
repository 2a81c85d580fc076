"""Commands open here what they work with: settings, leads.toml, a broker, a database, an installation."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from streams.interfaces.common.errors import UnreachableError, WrongUseError, driver_reason
from streams.interfaces.common.output import errors

if TYPE_CHECKING:
    from aiokafka.admin import AIOKafkaAdminClient

    from streams.dead_letters.letter_commands import LetterCommands
    from streams.dead_letters.preview import Preview
    from streams.engine.installation import Installation
    from streams.kafka.address import KafkaAddress
    from streams.kafka.topics import WantedTopic
    from streams.settings import Config, Settings, TopicsTable
    from streams.store.engine import Database

CONNECT_WITHIN_S = 8.0
REQUEST_MS = 8_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Connections:
    """What a command works with that changes dead letters."""

    settings: Settings
    database: Database
    address: KafkaAddress


def settings() -> Settings:
    """Read the variables. Raise `SettingsError`."""
    from streams.settings import load_settings

    return load_settings()


def config_if_there(found: Settings) -> Config | None:
    """Read leads.toml for a command that can do without: None when nobody named one and none is there."""
    from streams.settings import load_config

    if "config" not in found.model_fields_set and not found.config.exists():
        return None
    return load_config(found.config)


def topics_table(found: Settings) -> TopicsTable:
    """How topics are made; the defaults when there is no leads.toml. Raise `SettingsError`."""
    from streams.settings import TopicsTable

    config = config_if_there(found)
    return TopicsTable() if config is None else config.topics


def replication_factor(found: Settings, table: TopicsTable) -> int:
    """Return leads.toml's, else 1 in development and 3 in production. Raise `SettingsError`."""
    from streams.errors import SettingsError

    least = 3 if found.environment == "production" else 1
    wanted = table.replication_factor or least
    if wanted < least:
        msg = (
            f"{found.config}: topics.replication_factor is {wanted} and production demands {least}; "
            "take it out, or set LEADS_ENV=development"
        )
        raise SettingsError(msg)
    return wanted


def wanted(found: Settings, table: TopicsTable) -> tuple[WantedTopic, ...]:
    """Return the topics as they should be under these settings. Raise `SettingsError`."""
    from streams.kafka.topics import wanted_topics
    from topics.registry import TopicNames

    return wanted_topics(
        TopicNames(found.prefix),
        partitions=table.partitions,
        replication_factor=replication_factor(found, table),
    )


@contextmanager
def kafka(found: Settings) -> Iterator[KafkaAddress]:
    """Return the broker of LEADS_KAFKA; when that is not set, hold the local one, started if none runs.

    Raise `SettingsError` or a `LocalKafkaError`.
    """
    from streams.kafka.address import parse_kafka

    if found.kafka is not None:
        yield parse_kafka(found.kafka)
        return
    from streams.interfaces.common.progress import progress_on
    from streams.kafka.local import ensure_kafka

    with progress_on(errors()) as progress:
        running = ensure_kafka(found.data, progress)
    with running:
        yield parse_kafka(running.bootstrap)


@asynccontextmanager
async def admin(address: KafkaAddress) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect to the brokers. Raise `UnreachableError` within ten seconds when none answers."""
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    try:
        options = address.client_options()
    except OSError as error:  # the CA's file
        raise WrongUseError(f"LEADS_KAFKA: the file {address.ca_file} cannot be read: {error}") from None
    client = AIOKafkaAdminClient(**options, request_timeout_ms=REQUEST_MS)
    try:
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await client.start()
        except (KafkaError, TimeoutError, OSError) as error:
            raise UnreachableError(_no_broker(address, error)) from None
        yield client
    finally:
        await client.close()


def _no_broker(address: KafkaAddress, error: BaseException) -> str:
    from aiokafka.errors import KafkaConnectionError

    # aiokafka says no more than that it could not, also of a wrong password.
    is_plain = isinstance(error, TimeoutError | KafkaConnectionError)
    why = "no connection" if is_plain else f"{type(error).__name__} {error}".strip()
    hint = "is it running, and does LEADS_KAFKA name it right?"
    if address.protocol != "PLAINTEXT":
        hint = "is it running, and are host, user, password and CA in LEADS_KAFKA right?"
    return f"Kafka cannot be reached at {address.bootstrap} ({why}); {hint}"


@contextmanager
def database(found: Settings) -> Iterator[Database]:
    """Open the database at the schema of this build. Raise `UnreachableError`."""
    from alembic.util import CommandError as MigrationError
    from sqlalchemy.engine import make_url

    from streams.store.engine import StoreError
    from streams.store.migrate import open_database

    place = make_url(found.database_url).render_as_string(hide_password=True)
    try:
        opened = open_database(found.database_url)
    except StoreError as error:
        raise UnreachableError(_no_database(place, driver_reason(error))) from error
    except OSError as error:
        raise UnreachableError(_no_database(place, error.strerror or str(error))) from None
    except MigrationError as error:
        raise WrongUseError(
            f"the database {place} is not of this build ({error}); use the build that made it, or a newer one"
        ) from None
    try:
        yield opened
    finally:
        opened.close()


def _no_database(place: str, why: str) -> str:
    return f"the database {place} cannot be opened: {why}; LEADS_DATABASE says where it is"


@contextmanager
def connected() -> Iterator[Connections]:
    """Open the database and hold the broker. Raise as `settings`, `database` and `kafka` do."""
    found = settings()
    with database(found) as opened, kafka(found) as address:
        yield Connections(found, opened, address)


@asynccontextmanager
async def installation(connections: Connections, config: Config | None = None) -> AsyncIterator[Installation]:
    """Connect to the broker. Without `config` the installation runs no action.

    Raise `WrongUseError` when a topic is missing that letters are written on, and `UnreachableError`.
    """
    from streams.kafka.producer import KafkaPublisher, new_producer
    from streams.kafka.topics import describe
    from streams.wiring import installation_of
    from topics.registry import TopicNames

    names = TopicNames(connections.settings.prefix)
    needed = [names.requests, names.letters, names.audit]
    async with admin(connections.address) as client:
        found = await describe(client, needed)
    for name in needed:
        if name not in found:
            raise WrongUseError(f"{name} does not exist; `leads topics apply` makes it")
    async with KafkaPublisher(partial(new_producer, connections.address)) as publisher:
        yield installation_of(connections.settings, config, connections.database, publisher)


def with_letters(
    connections: Connections,
    work: Callable[[LetterCommands], Awaitable[T]],
    config: Config | None = None,
) -> T:
    """Run `work` as the user of the operating system. Raise as `installation` and the work do."""
    from streams.dead_letters.audit import Audit
    from streams.dead_letters.letter_commands import LetterCommands

    async def run() -> T:
        async with installation(connections, config) as opened:
            return await work(LetterCommands(opened, Audit(opened, getpass.getuser())))

    return asyncio.run(run())


def preview(found: Settings, opened: Database) -> Preview:
    """Return a preview with the ports of leads.toml; it connects to nobody. Raise `SettingsError`."""
    from streams.dead_letters.preview import Preview
    from streams.kafka.producer import NoBroker
    from streams.settings import load_config
    from streams.wiring import installation_of

    return Preview(installation_of(found, load_config(found.config), opened, NoBroker()))
