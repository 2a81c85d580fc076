"""Stores people as an older build read them."""

from __future__ import annotations

from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from actions.ports import Identity
from streams.store.schema import CALLED, contacts, effects
from streams.testing import Cluster


def identity_of(cluster: Cluster) -> Identity:
    found: Any = cluster.installation.adapters.ports.shared[Identity]
    identity: Identity = found
    return identity


async def store_older(cluster: Cluster, *identities: str) -> None:
    """Store contacts under the key of exactly this e-mail or phone, and their welcomes, as an older build did."""
    key_of = identity_of(cluster).contact_key

    def insert(connection: Connection) -> None:
        for number, identity in enumerate(identities):
            name = "email" if "@" in identity else "phone"
            known: dict[str, str | None] = {"email": None, "phone": None, name: identity}
            key = key_of(email=known["email"], phone=known["phone"])
            fields = {name: [identity, "/web", "2026-11-01T08:00:00.000000Z", f"e-{number}"]}
            connection.execute(
                sa.insert(contacts).values(
                    contact_key=key,
                    contact_id=f"c-{number}",
                    **known,
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
