"""`leads worker`: runs the workflow, from its settings to an orderly stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from streams.interfaces.common.errors import DONE, WrongUseError

if TYPE_CHECKING:
    from types import FrameType

    from streams.kafka.address import KafkaAddress
    from streams.kafka.topics import Difference
    from streams.settings import Config, Settings
    from streams.store.engine import Database
    from streams.worker import Worker

log = logging.getLogger(__name__)

PROCESS_END_S = 9.5
"""After this time the process ends even if something still runs; uncommitted records are delivered again."""


def worker(
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Log JSON Lines instead of text.")] = False,
) -> None:
    """Run the onboarding workflow until SIGTERM or Ctrl-C. Any number of workers may run.

    Logs go to stderr; after the line `ready` leads are processed.

    Exit codes: 0 stopped when asked to, 1 the store was restored and has not caught up, 2 a setting or leads.toml
    cannot be used, 3 no broker or no database, 4 it hung and its watchdog ended it.
    """
    from streams import failpoints
    from streams.interfaces.cli import logs

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end_at_once)
    # Until the store is checked an error is one sentence; a client that cannot connect would log many.
    logs.silence()
    from streams.interfaces.common import connections
    from streams.settings import load_config
    from streams.wiring import check_adapters

    settings = connections.settings()
    config = load_config(settings.config)
    check_production(settings, config)
    check_adapters(settings, config)
    with connections.kafka(settings) as address, connections.database(settings) as database:
        check_transport(settings, address)
        asyncio.run(check_topics(settings, config, address))
        logs.configure(as_json=json_logs)
        asyncio.run(check_store(settings, address, database))
        asyncio.run(keep_identities(settings, config, address, database))
        if settings.failpoint is not None:
            failpoints.arm(failpoints.parse(settings.failpoint))
        asyncio.run(_work(settings, config, address, database))


def check_production(settings: Settings, config: Config) -> None:
    """Raise `SettingsError` when production demands other settings; nothing is connected."""
    from streams.interfaces.common import connections
    from streams.kafka.address import parse_kafka

    _ = settings.contact_secret
    connections.replication_factor(settings, config.topics)
    if settings.kafka is not None:
        check_transport(settings, parse_kafka(settings.kafka))


def check_transport(settings: Settings, address: KafkaAddress) -> None:
    """Raise `SettingsError` when production would use plain text to a Kafka on another machine."""
    from streams.errors import SettingsError

    if settings.environment == "production" and address.protocol == "PLAINTEXT" and not address.is_loopback:
        msg = (
            f"LEADS_KAFKA: {address.bootstrap} is plain text and production demands TLS; write ssl://… or "
            "sasl+ssl://…, or set LEADS_ENV=development"
        )
        raise SettingsError(msg)


async def check_topics(settings: Settings, config: Config, address: KafkaAddress) -> None:
    """Make missing topics in development. Raise `WrongUseError` when topics are not as they should be."""
    from streams.interfaces.cli import topics
    from streams.interfaces.common import connections

    wanted = connections.wanted(settings, config.topics)
    left = await topics.ensure(address, wanted, may_make=settings.environment == "development")
    if left:
        raise WrongUseError(_topics_sentence(left))


async def check_store(settings: Settings, address: KafkaAddress, database: Database) -> None:
    """Raise `BehindError` when the store was restored and has not caught up with the topics."""
    from streams.interfaces.common import connections
    from streams.kafka.log import open_log
    from streams.kafka.producer import NoBroker
    from streams.operations.recovery.outdated_store import check_is_not_behind
    from streams.wiring import installation_of

    # No action runs here, so no adapter is needed.
    installation = installation_of(settings, None, database, NoBroker())
    async with (
        connections.admin(address) as admin,
        open_log(admin, address, installation.topics, installation.group) as log,
    ):
        await check_is_not_behind(installation, log)


async def keep_identities(
    settings: Settings, config: Config, address: KafkaAddress, database: Database
) -> None:
    """Find people who are stored under a key of older rules of reading, before the first lead is read."""
    from streams.adapters.identity import HmacIdentity
    from streams.clock import now
    from streams.interfaces.common import connections
    from streams.kafka.log import open_log
    from streams.operations.recovery import reading_rules
    from topics.registry import TopicNames

    names, identity = TopicNames(settings.prefix), HmacIdentity(settings.contact_secret)
    region = config.leads.default_region
    async with (
        connections.admin(address) as admin,
        open_log(admin, address, names, settings.group) as topics,
    ):
        await reading_rules.keep_identities(database, topics, names, identity, region, now)


def _topics_sentence(left: list[Difference]) -> str:
    missing = [item.topic for item in left if item.what == "missing"]
    if len(missing) > 1:
        return f"{len(missing)} topics do not exist ({missing[0]}, …); `leads topics apply` makes them"
    more = len({item.topic for item in left}) - 1
    return f"{left[0]}" + (f" ({more} more topics differ, see `leads topics plan`)" if more else "")


async def _work(settings: Settings, config: Config, address: KafkaAddress, database: Database) -> None:
    from streams.kafka.producer import KafkaPublisher, new_producer
    from streams.wiring import installation_of
    from streams.worker import Worker

    async with KafkaPublisher(partial(new_producer, address)) as publisher:
        worker = Worker(
            installation_of(settings, config, database, publisher),
            settings=settings,
            address=address,
            ledger_retention=config.ledger.retention,
        )
        await _run_until_asked_to_stop(worker, settings, address, database)
    log.info("stopped", extra={"pid": os.getpid()})


async def _run_until_asked_to_stop(
    worker: Worker, settings: Settings, address: KafkaAddress, database: Database
) -> None:
    from topics.registry import TOPICS

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_stray)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _ask_to_stop, worker, loop)
    running = asyncio.create_task(worker.run())
    ready = asyncio.create_task(worker.ready.wait())
    await asyncio.wait((running, ready), return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        facts = {
            "group": settings.group,
            "topics": f"{settings.prefix}* ({len(TOPICS)})",
            "kafka": address.bootstrap,
            "database": database.url.get_backend_name(),
            "environment": settings.environment,
            "pid": os.getpid(),
        }
        log.info("ready", extra=facts)
    ready.cancel()
    await running


def _ask_to_stop(worker: Worker, loop: asyncio.AbstractEventLoop) -> None:
    log.info("stopping: work in progress is settled and committed first")
    worker.stop()
    # Errors that a client leaves behind when its broker is gone do not matter during a stop.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop.call_later(PROCESS_END_S, _end_late)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)
        signal.signal(number, _end_at_once)  # a second signal ends it at once


def _end_late() -> None:
    log.warning(
        "not everything stopped within %.1f s; uncommitted records are delivered again", PROCESS_END_S
    )
    _leave()


def _end_at_once(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
    _leave()


def _leave() -> None:
    sys.stderr.flush()
    os._exit(DONE)  # threads may hang on a broker or a database that is gone


def _log_stray(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:  # noqa: ARG001 - as above
    error = context.get("exception")
    log.error("%s", context.get("message"), exc_info=error if isinstance(error, BaseException) else None)
