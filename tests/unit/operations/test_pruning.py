"""A year's load on a small scale: tables stop growing, and nothing that can be replayed is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.errors import PermanentError, UncertainError
from actions.ports import Mail
from streams.engine.handover import Records
from streams.onboarding import ONBOARDING
from streams.operations.pruning import Pruner, keys_of_runs
from streams.settings import LedgerTable
from streams.store import ledger, letters
from streams.store.engine import Database
from streams.store.schema import contacts as contacts_table
from streams.store.schema import effects as effects_table
from streams.store.schema import ledger as ledger_table
from streams.store.schema import letters as letters_table
from streams.testing import Cluster, LogRecord, World, adapters_of, event_headers, lead
from tests.support.workflow import RECEIVED, cell
from topics.events import LeadReceived
from topics.registry import LONGEST_RETENTION

RETENTION = LedgerTable().retention
DAYS_PER_STEP = 7
STEPS = 365 // DAYS_PER_STEP
LEADS_PER_STEP = 4
"""A new contact, a rejected one, one whose mail is interrupted, and one known since the first day."""


@pytest.fixture
def world() -> World:
    found = World()

    def fail(mail: Mail) -> None:
        if mail.to.startswith("refused"):
            raise PermanentError("SMTP_REFUSED", "no such mailbox")
        if mail.to.startswith("cut-off"):
            raise UncertainError("cut off")

    found.fail = fail
    return found


@pytest.fixture
async def cluster(database: Database, world: World) -> Cluster:
    return Cluster(ONBOARDING, adapters_of(world), database)


async def no_rest(seconds: float) -> None:
    """Take no time."""


def counts(connection: Connection) -> dict[str, int]:
    """Return the number of rows per table, for effects per kind."""
    found = {
        table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        for table in (ledger_table, letters_table, contacts_table)
    }
    found["letters"] -= letters.counts(connection).get(letters.EXPIRED, 0)  # they stay as long as the audit
    for key in connection.execute(sa.select(effects_table.c.key)).scalars():
        kind = key.partition(":")[0]
        found[kind] = found.get(kind, 0) + 1
    return found


def of_the_last(records: Sequence[LogRecord], age: timedelta, now_ms: int) -> list[LogRecord]:
    return [record for record in records if record.timestamp > now_ms - age.total_seconds() * 1000]


class Year:
    """A cluster whose clock advances by days; topics are cut by their retention, tables by the pruner."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.pruner = Pruner(cluster.installation, RETENTION, no_rest)
        self.seen: list[dict[str, int]] = []

    async def live(self, steps: int) -> None:
        for _ in range(steps):
            number = len(self.seen)
            for who in (f"new-{number}", f"refused-{number}", f"cut-off-{number}", "known"):
                event_id = f"{who}-{number}"
                value = lead(email=f"{who}@customer.example", lead_id=event_id)
                self.cluster.log.append(RECEIVED, None, value, event_headers(event_id))
            await self.cluster.settle()
            self.cluster.clock.advance(days=DAYS_PER_STEP)
            await self.pruner.tick()
            self.seen.append(await self.cluster.database.run(counts))

    async def deliver_again(self) -> None:
        """Deliver every record that a topic may still hold, as after the loss of all offsets."""
        now_ms = int(self.cluster.clock().timestamp() * 1000)
        for step in ONBOARDING.steps:
            batch = of_the_last(self.cluster.records(step.reads), LONGEST_RETENTION, now_ms)
            await self.cluster.worker.processor.process(step, Records(batch))

    async def ask_for_every_letter(self) -> None:
        """Replay all letters that the topic still holds, except uncertain ones, as a person may do."""
        now_ms = int(self.cluster.clock().timestamp() * 1000)
        held = of_the_last(self.cluster.letters, LONGEST_RETENTION, now_ms)
        refused = [record for record in held if dict(record.headers)["__dlq.errors.class"] == b"rejected"]
        await self.cluster.worker.processor.process_requests(Records(refused))


async def test_the_tables_level_off_and_only_contacts_and_their_welcomes_stay(cluster: Cluster) -> None:
    year = Year(cluster)

    await year.live(STEPS)

    remembered = RETENTION.days // DAYS_PER_STEP + 1
    last = year.seen[-1]
    for table in ("ledger", "letters", "notify"):
        grown = max(seen[table] for seen in year.seen[: remembered + 2])
        assert max(seen[table] for seen in year.seen[remembered + 2 :]) <= grown, table
    assert last["ledger"] <= remembered * LEADS_PER_STEP * len(ONBOARDING.steps_of(LeadReceived))
    assert last["notify"] <= remembered * LEADS_PER_STEP
    assert last["contacts"] == STEPS * 3 + 1
    assert last["welcome"] == STEPS * 3 + 1


async def test_in_a_year_nobody_is_welcomed_twice_whatever_is_delivered_again(
    cluster: Cluster, world: World
) -> None:
    year = Year(cluster)

    for _ in range(4):
        await year.live(STEPS // 4)
        await year.deliver_again()
        await year.ask_for_every_letter()

    mails = [mail.to for mail in world.mails]
    assert len(mails) == len(set(mails)) == STEPS // 4 * 4 + 1
    assert len(world.notes) == len(set(world.notes)) == STEPS // 4 * 4 * LEADS_PER_STEP


async def test_an_effect_stays_while_another_execution_than_the_forgotten_one_holds_it(
    cluster: Cluster,
) -> None:
    cluster.log.append(RECEIVED, b"k", lead(lead_id="L1"))
    await cluster.settle()
    of_another = (
        sa.update(effects_table).where(effects_table.c.key.like("notify:%")).values(ledger_id=b"o" * 16)
    )
    await cluster.database.run(lambda connection: connection.execute(of_another))

    def forget_all(connection: Connection) -> int:
        return ledger.prune(connection, 1 << 62, 100, keys_of_runs(ONBOARDING))

    assert await cluster.database.run(forget_all) == len(ONBOARDING.steps_of(LeadReceived))
    left = await cluster.database.run(counts)
    assert (left["ledger"], left["notify"], left["welcome"]) == (0, 1, 1)


async def test_the_key_that_is_forgotten_with_its_run_is_the_one_that_the_action_claims(
    cluster: Cluster,
) -> None:
    cluster.log.append(RECEIVED, b"k", lead(lead_id="L1"))
    await cluster.settle()

    keys = sa.select(effects_table.c.key, ledger_table.c.correlation_id, ledger_table.c.action).where(
        ledger_table.c.id == effects_table.c.ledger_id
    )
    claimed = await cluster.database.run(lambda connection: list(connection.execute(keys)))
    of_runs = keys_of_runs(ONBOARDING)
    forgotten = {key for key, run, action in claimed if action in of_runs and of_runs[action](run) == key}
    assert {key.partition(":")[0] for key in forgotten} == {
        effect.name for effect in ONBOARDING.effects if effect.scope == "run"
    }
    assert "notify" in {key.partition(":")[0] for key in forgotten}


async def test_only_what_is_older_than_the_ledger_remembers_is_forgotten(cluster: Cluster) -> None:
    pruner = Pruner(cluster.installation, timedelta(days=35))
    cluster.log.append(RECEIVED, b"k", b"not json")
    cluster.log.append(RECEIVED, b"k", lead())
    await cluster.settle()

    forgotten = []
    for days in (34, 2):
        cluster.clock.advance(days=days)
        forgotten.append(await pruner.tick())

    assert forgotten == [
        0,
        len(ONBOARDING.steps_of(LeadReceived)),
    ]  # the open letter stays, as one that is lost
    assert await cell(cluster, contacts_table.c.contact_key) is not None
