"""A person stored by older rules of reading stays one contact and gets no second welcome."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.ports import Identity
from streams.operations.recovery.contact_keys import Rekeyed, alias_older_contacts
from streams.store.schema import CALLED, contact_aliases, contacts, effects
from streams.testing import Cluster, World, lead
from tests.support.workflow import RECEIVED, count, rows

OLDER = "o\u2019neil@example.com"
"""As the build before typographic apostrophes became plain ones stored it."""
TODAY = "o'neil@example.com"


def identity_of(cluster: Cluster) -> Identity:
    found: Any = cluster.installation.adapters.ports.shared[Identity]
    identity: Identity = found
    return identity


async def store_older(cluster: Cluster, *emails: str) -> None:
    """Store contacts under the key of exactly this spelling, and their welcomes, as an older build did."""
    key_of = identity_of(cluster).contact_key

    def insert(connection: Connection) -> None:
        for number, email in enumerate(emails):
            key = key_of(email=email, phone=None)
            fields = {"email": [email, "/web", "2026-11-01T08:00:00.000000Z", f"e-{number}"]}
            connection.execute(
                sa.insert(contacts).values(
                    contact_key=key,
                    contact_id=f"c-{number}",
                    email=email,
                    phone=None,
                    fields=orjson.dumps(fields),
                    revision=1,
                    row_version=1,
                    created_at=1,
                    updated_at=1,
                )
            )
            connection.execute(
                sa.insert(effects).values(**effect(f"welcome:{key}", f"{number}".encode() * 16))
            )

    await cluster.database.run(insert)


def effect(key: str, ledger_id: bytes) -> dict[str, Any]:
    """Return the row of a call that was made."""
    return {
        "key": key,
        "ledger_id": ledger_id,
        "action": "send-welcome-email",
        "status": CALLED,
        "reference": "<old@example.com>",
        "worker": "w",
        "changed_at": 0,
    }


async def passed(cluster: Cluster) -> Rekeyed:
    return await alias_older_contacts(cluster.database, identity_of(cluster), cluster.clock)


async def test_the_same_person_again_is_the_stored_contact_and_gets_no_second_welcome(
    cluster: Cluster, world: World
) -> None:
    await store_older(cluster, OLDER)

    done = await passed(cluster)
    for spelling in (TODAY, OLDER, "O\u2032Neil@Example.com"):
        cluster.log.append(RECEIVED, None, lead(email=spelling, lead_id=spelling))
    await cluster.settle()

    assert done == Rekeyed(contacts=1, aliases=1, twice=0)
    assert await count(cluster, contacts) == 1
    assert world.mails == []
    assert (await rows(cluster, sa.select(contacts.c.contact_id, contacts.c.email)))[0][0] == "c-0"


async def test_without_the_pass_the_person_would_be_stored_twice(cluster: Cluster, world: World) -> None:
    await store_older(cluster, OLDER)
    cluster.log.append(RECEIVED, None, lead(email=TODAY))
    await cluster.settle()

    assert (await count(cluster, contacts), len(world.mails)) == (2, 1)


async def test_a_person_who_is_stored_under_both_keys_is_told_and_stays_so(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    await store_older(cluster, OLDER, TODAY, "ada@example.com")

    with caplog.at_level("INFO"):
        done = await passed(cluster)

    assert done == Rekeyed(contacts=3, aliases=0, twice=1)
    assert "1 people are stored twice" in caplog.text
    assert await count(cluster, contact_aliases) == 0


async def test_a_second_pass_reads_only_what_was_stored_since(cluster: Cluster) -> None:
    await store_older(cluster, OLDER, "ada@example.com")
    await passed(cluster)

    assert await passed(cluster) == Rekeyed(contacts=0, aliases=0, twice=0)
