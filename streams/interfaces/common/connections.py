"""Opens what commands work with: settings, leads.toml, a broker, a database, an installation."""

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
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Connections:
    """Settings, database and broker of a command that changes dead letters."""

    settings: Settings
    database: Database
    address: KafkaAddress


def settings() -> Settings:
    """Read the LEADS_* variables. Raise `SettingsError`."""
    from streams.settings import load_settings

    return load_settings()


def config_if_there(settings: Settings) -> Config | None:
    """Read leads.toml for a command that does not need it; None when LEADS_CONFIG is not set and there is none."""
    from streams.settings import load_config

    if "config" not in settings.model_fields_set and not settings.config.exists():
        return None
    return load_config(settings.config)


def topics_table(settings: Settings) -> TopicsTable:
    """Return how topics are made: the defaults when there is no leads.toml. Raise `SettingsError`."""
    from streams.settings import TopicsTable

    config = config_if_there(settings)
    return TopicsTable() if config is None else config.topics


def replication_factor(settings: Settings, table: TopicsTable) -> int:
    """Return leads.toml's number of replicas, else 1 in development and 3 in production. Raise `SettingsError`."""
    from streams.errors import SettingsError

    least = 3 if settings.environment == "production" else 1
    wanted = table.replication_factor or least
    if wanted < least:
        msg = (
            f"{settings.config}: topics.replication_factor is {wanted} and production demands {least}; "
            "remove it, or set LEADS_ENV=development"
        )
        raise SettingsError(msg)
    return wanted


def wanted(settings: Settings, table: TopicsTable) -> tuple[WantedTopic, ...]:
    """Return the topics as they should be under these settings. Raise `SettingsError`."""
    from streams.kafka.topics import wanted_topics
    from topics.registry import TopicNames

    return wanted_topics(
        TopicNames(settings.prefix),
        partitions=table.partitions,
        replication_factor=replication_factor(settings, table),
    )


@contextmanager
def kafka(settings: Settings) -> Iterator[KafkaAddress]:
    """Return the address of LEADS_KAFKA; when that is not set, start or share the local broker until the exit.

    Raise `SettingsError` or a `LocalKafkaError`.
    """
    from streams.kafka.address import parse_kafka

    if settings.kafka is not None:
        yield parse_kafka(settings.kafka)
        return
    from streams.interfaces.common.progress import progress_on
    from streams.kafka.local import ensure_kafka

    with progress_on(errors()) as progress:
        running = ensure_kafka(settings.data, progress)
    with running:
        yield parse_kafka(running.bootstrap)


@asynccontextmanager
async def admin(address: KafkaAddress) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect to the brokers. Raise `UnreachableError` within ten seconds when none answers."""
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    from streams.kafka.lag import REQUEST_MS

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

    # These two give no cause: aiokafka raises them for a wrong password, too.
    has_no_cause = isinstance(error, TimeoutError | KafkaConnectionError)
    why = "no connection" if has_no_cause else f"{type(error).__name__} {error}".strip()
    hint = "is it running, and is LEADS_KAFKA right?"
    if address.protocol != "PLAINTEXT":
        hint = "is it running, and are host, user, password and CA in LEADS_KAFKA right?"
    return f"Kafka cannot be reached at {address.bootstrap} ({why}); {hint}"


@contextmanager
def database(settings: Settings) -> Iterator[Database]:
    """Open the database at the schema of this build. Raise `UnreachableError`."""
    from alembic.util import CommandError as MigrationError
    from sqlalchemy.engine import make_url

    from streams.store.engine import StoreError
    from streams.store.migrate import open_database

    place = make_url(settings.database_url).render_as_string(hide_password=True)
    try:
        opened = open_database(settings.database_url)
    except StoreError as error:
        raise UnreachableError(_no_database(place, driver_reason(error))) from error
    except OSError as error:
        raise UnreachableError(_no_database(place, error.strerror or str(error))) from None
    except MigrationError as error:
        raise WrongUseError(
            f"this build does not know the schema of the database {place} ({error}); use the build that made it, "
            "or a newer one"
        ) from None
    try:
        yield opened
    finally:
        opened.close()


def _no_database(place: str, why: str) -> str:
    return f"the database {place} cannot be opened: {why}; LEADS_DATABASE says where it is"


@contextmanager
def connected() -> Iterator[Connections]:
    """Open the database and the broker. Raise as `settings`, `database` and `kafka` do."""
    current = settings()
    with database(current) as opened, kafka(current) as address:
        yield Connections(current, opened, address)


@asynccontextmanager
async def installation(connections: Connections, config: Config | None = None) -> AsyncIterator[Installation]:
    """Connect to the broker and return the installation; without `config` it runs no action.

    Raise `WrongUseError` when a topic that commands about letters write to is missing, and `UnreachableError`.
    """
    from streams.kafka.producer import KafkaPublisher, new_producer
    from streams.kafka.topics import describe
    from streams.wiring import installation_of
    from topics.registry import TopicNames

    names = TopicNames(connections.settings.prefix)
    needed = [names.requests, names.letters, names.audit]
    async with admin(connections.address) as client:
        existing = await describe(client, needed)
    for name in needed:
        if name not in existing:
            raise WrongUseError(f"{name} does not exist; `leads topics apply` makes it")
    async with KafkaPublisher(partial(new_producer, connections.address)) as publisher:
        yield installation_of(connections.settings, config, connections.database, publisher)


def with_letters(
    connections: Connections,
    work: Callable[[LetterCommands], Awaitable[T]],
    config: Config | None = None,
) -> T:
    """Run `work` with the operating system's user as its author. Raise as `installation` and the work do."""
    from streams.dead_letters.audit import Audit
    from streams.dead_letters.letter_commands import LetterCommands

    async def run() -> T:
        async with installation(connections, config) as opened:
            return await work(LetterCommands(opened, Audit(opened, getpass.getuser())))

    return asyncio.run(run())


def preview(settings: Settings, opened: Database) -> Preview:
    """Return a preview with the ports of leads.toml; it makes no connection. Raise `SettingsError`."""
    from streams.dead_letters.preview import Preview
    from streams.kafka.producer import NoBroker
    from streams.settings import load_config
    from streams.wiring import installation_of

    return Preview(installation_of(settings, load_config(settings.config), opened, NoBroker()))
