"""This file checks that the books note what the work sees, and change nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from actions.errors import ActionError, PermanentError, TransientError, UncertainError
from actions.ports import Mail, Mailer, Notifier
from streams.engine.faust.agents import settle_batch
from streams.engine.faust.batch import Batch
from streams.engine.handover import RecordBatch
from streams.engine.installation import Adapters
from streams.engine.pauses import StoppingError
from streams.errors import SettingsError
from streams.kafka.producer import Outgoing, PublishError
from streams.operations.health.address import HealthAddress, read_health
from streams.operations.health.instrumentation import (
    InstrumentedMailer,
    seen_adapters,
    seen_publisher,
)
from streams.operations.health.progress import BROKER, MAIL, STORE, WEBHOOK, WorkerProgress
from streams.settings import load_settings
from streams.store.engine import StoreRefusedError, StoreUnavailableError
from streams.store.migrate import open_database
from streams.workflow import Ports
from topics.events import LeadAssigned

AGENT = "assign_owner"
LETTER = Mail(message_id="<1@acme.example>", to="jane@customer.example", subject="Hello", text="Hello")


class Outside:
    """A mail server, a webhook and a broker that do what they are told."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def send(self, mail: Mail) -> None:
        if self.error is not None:
            raise self.error

    @property
    def channel(self) -> Literal["webhook", "email", "none"]:
        return "webhook"

    async def notify(self, *, key: str, assigned: LeadAssigned) -> str:
        if self.error is not None:
            raise self.error
        return key

    async def publish(self, records: object) -> None:
        if self.error is not None:
            raise self.error


def agent_batch() -> Batch:
    return Batch({}, [AGENT], lambda: None)


async def error_of(work: Awaitable[object]) -> Exception | None:
    try:
        await work
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is asked for
        return error
    return None


@pytest.fixture
def progress() -> WorkerProgress:
    return WorkerProgress(silent_after_s=10)


@pytest.mark.parametrize(
    ("error", "steps"),
    [(None, 1), (StoreUnavailableError(), 1), (PublishError(), 1), (StoppingError(), 1), (KeyError(), 0)],
    ids=["settled", "store away", "broker away", "stopping", "a defect"],
)
async def test_known_causes_are_steps_and_defects_are_not(
    progress: WorkerProgress, error: Exception | None, steps: int
) -> None:
    part, should_stop = progress.part(AGENT), asyncio.Event()

    async def settle(batch: RecordBatch) -> None:
        assert part.is_busy
        should_stop.set()  # so that it is not tried again
        if error is not None:
            raise error

    await settle_batch(AGENT, settle, agent_batch(), should_stop, part)

    assert (part.steps, part.is_busy) == (steps, False)


async def test_what_is_done_of_a_batch_is_a_step_and_asking_for_it_is_none(progress: WorkerProgress) -> None:
    part = progress.part(AGENT)

    async def settle(batch: RecordBatch) -> None:
        for _ in range(5):
            assert not batch.is_revoked
        batch.note_progress()
        batch.note_progress()

    await settle_batch(AGENT, settle, agent_batch(), asyncio.Event(), part)

    assert part.steps == 2 + 1  # and one for the batch itself


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (None, None),
        (TransientError("SMTP_UNREACHABLE", "jane@customer.example"), "SMTP_UNREACHABLE, for 0 s"),
        (UncertainError("it was handed over"), "UNCERTAIN, for 0 s"),
        (PermanentError("SMTP_REFUSED"), None),
    ],
)
async def test_mail_server_and_webhook_are_noted_as_the_actions_see_them(
    progress: WorkerProgress, error: ActionError | None, trouble: str | None
) -> None:
    outside = Outside()
    found = seen_adapters(Adapters(Ports({Mailer: outside, Notifier: outside})), progress)
    mailer, notifier = found.ports.shared[Mailer], found.ports.shared[Notifier]
    assert isinstance(mailer, InstrumentedMailer)

    outside.error = error
    raised = await error_of(mailer.send(LETTER))

    assert raised is error
    assert progress.dependencies[MAIL].trouble == trouble
    assert progress.dependencies[WEBHOOK].seen_s is None
    assert getattr(notifier, "channel", None) == "webhook"


async def test_the_broker_is_noted_as_publishing_sees_it(progress: WorkerProgress) -> None:
    outside = Outside()
    publisher = seen_publisher(outside, progress)
    broker = progress.dependencies[BROKER]
    records: list[Outgoing] = []

    outside.error = PublishError("the broker did not take 1 records")
    with pytest.raises(PublishError):
        await publisher.publish(records)
    away = broker.is_away
    outside.error = None
    await publisher.publish(records)

    assert (away, broker.is_away) == (True, False)


async def test_the_store_is_noted_as_transactions_see_it(progress: WorkerProgress, tmp_path: Path) -> None:
    store = progress.dependencies[STORE]
    database = open_database(f"sqlite:///{tmp_path / 'leads.db'}")
    database.observer = store
    seen = []

    def unit(error: Exception | None, _: object) -> None:
        seen.append(store.is_away)
        if error is not None:
            raise error

    for error in (None, StoreUnavailableError("OperationalError"), StoreRefusedError("DataError"), None):
        await error_of(database.run(partial(unit, error)))
    database.close()

    assert seen == [False, False, True, False]
    assert (store.is_away, store.trouble) == (False, None)


@pytest.mark.parametrize(
    ("text", "address", "url"),
    [
        ("8080", HealthAddress("127.0.0.1", 8080), "http://127.0.0.1:8080"),
        ("0.0.0.0:0", HealthAddress("0.0.0.0", 0), "http://0.0.0.0:0"),
        ("[::1]:8080", HealthAddress("::1", 8080), "http://[::1]:8080"),
    ],
)
def test_an_address_is_a_port_or_a_host_and_a_port(text: str, address: HealthAddress, url: str) -> None:
    assert (read_health(text), address.url) == (address, url)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("health", "here", "LEADS_HEALTH is 'here', which is no port and no host:port; write 8080"),
        ("health", "127.0.0.1:70000", "LEADS_HEALTH is '127.0.0.1:70000', which is no port"),
        ("watchdog", "10ms", "LEADS_WATCHDOG must be at least 1s, or 0s for no watchdog"),
        ("watchdog", "soon", "LEADS_WATCHDOG must be a duration"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told(variable: str, value: str, says: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(**{variable: value})

    assert str(raised.value).startswith(says)
